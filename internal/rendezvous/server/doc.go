// Package server is the rendezvous server: it answers who may log in, who whose
// friend is, and who is there, and keeps that in SQLite or PostgreSQL. It carries
// no message and no file.
//
// A [Server] is opened with [Open] and works while [Server.Run] runs. Everything it
// knows for longer is in the database; what it holds in memory are the heartbeats
// that wait for news. There is one way news goes: a transaction says what it
// changed (see change), every server that shares the database hears it once it is
// committed, and looks the rest up there.
package server
