// Package rendezvous is the thin server and its client: who may log in, who
// whose friend is, who is there. It sees neither messages nor files.
package rendezvous
