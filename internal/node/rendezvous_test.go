package node

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// rendezvousServer is a rendezvous server on 127.0.0.1 that does what a test says: anybody may
// sign in with the password "secret", and everybody is everybody's friend.
type rendezvousServer struct {
	t     *testing.T
	realm *peer.Identity
	addr  string
	stop  func()

	network func(addr string) (net.Listener, error)

	mu       sync.Mutex
	serial   uint64
	accounts map[peer.ID]rendezvous.Account
	beats    map[peer.ID]rendezvous.Heartbeat
	out      map[peer.ID]bool // signed out
	asked    []string
	changed  chan struct{} // closed when something is new
	version  uint64
	starts   map[peer.ID]starts
	logout   func() // before a log-out is answered
}

// starts are the newest start of an identity that heartbeats, and the one before.
type starts struct{ now, before uuid.UUID }

func openServer(t *testing.T) *rendezvousServer {
	return openServerAt(t, func(addr string) (net.Listener, error) { return net.Listen("tcp", addr) })
}

func openServerAt(t *testing.T, network func(string) (net.Listener, error)) *rendezvousServer {
	o := &rendezvousServer{
		t: t, realm: peer.NewIdentity([32]byte{9}), accounts: make(map[peer.ID]rendezvous.Account),
		beats: make(map[peer.ID]rendezvous.Heartbeat), out: make(map[peer.ID]bool), changed: make(chan struct{}), version: 1, starts: make(map[peer.ID]starts), logout: func() {}, network: network,
	}
	o.listen("127.0.0.1:0")
	t.Cleanup(func() { o.stop() })
	return o
}

// listen serves at an address until stop.
func (o *rendezvousServer) listen(addr string) {
	o.t.Helper()
	config, err := peer.HTTPConfig(o.realm, peer.ID{})
	if err != nil {
		o.t.Fatal(err)
	}
	l, err := o.network(addr)
	if err != nil {
		o.t.Fatal(err)
	}
	o.addr = l.Addr().String()
	server := &http.Server{Handler: o, ErrorLog: log.New(io.Discard, "", 0)}
	var wg sync.WaitGroup
	wg.Go(func() { server.Serve(tls.NewListener(l, config)) })
	o.stop = func() { server.Close(); wg.Wait() }
}

// link is the join link.
func (o *rendezvousServer) link() string {
	return rendezvous.Link{Address: o.addr, Realm: o.realm.ID()}.String()
}

// news wakes everybody who waits.
func (o *rendezvousServer) news() {
	o.version++
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *rendezvousServer) kick(id peer.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.out[id] = true
	delete(o.accounts, id)
	o.news()
}

func (o *rendezvousServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, _ := peer.ProvedKey(*r.TLS)
	b, _ := io.ReadAll(r.Body)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, r.Method+" "+r.URL.Path)
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/login", "POST /v1/accounts":
		o.signIn(w, id, b)
	case "POST /v1/logout":
		delete(o.accounts, id)
		delete(o.beats, id)
		o.news()
		o.mu.Unlock()
		o.logout()
		o.mu.Lock()
		w.WriteHeader(http.StatusNoContent)
	case "PATCH /v1/me":
		a := o.accounts[id]
		if err := json.Unmarshal(b, &a); err != nil {
			o.t.Error(err)
		}
		o.accounts[id] = a
		o.news()
		o.say(w, o.in(id))
	case "GET /v1/me/devices":
		o.say(w, o.devices(o.accounts[id].ID))
	case "GET /v1/friends":
		o.say(w, o.friends(id))
	case "POST /v1/heartbeat":
		o.heartbeat(w, r, id, b)
	default:
		o.refuse(w, rendezvous.CodeUnknown)
	}
}

func (o *rendezvousServer) say(w http.ResponseWriter, v any) { json.MarshalWrite(w, v) }

func (o *rendezvousServer) refuse(w http.ResponseWriter, code rendezvous.Code) {
	w.WriteHeader(http.StatusForbidden)
	json.MarshalWrite(w, rendezvous.Problem{Code: code})
}

func (o *rendezvousServer) signIn(w http.ResponseWriter, id peer.ID, b []byte) {
	var c rendezvous.Registration
	if json.Unmarshal(b, &c) != nil || c.Password != "secret" {
		o.refuse(w, rendezvous.CodeCredentials)
		return
	}
	delete(o.out, id)
	o.accounts[id] = rendezvous.Account{ID: uuid.NewSHA1(uuid.Nil, []byte(c.User)), User: c.User, Name: strings.ToUpper(c.User), Admin: c.User == "boss"}
	o.news()
	o.say(w, o.in(id))
}

// in is the answer to a log-in.
func (o *rendezvousServer) in(id peer.ID) rendezvous.SignedIn {
	o.serial++
	a := o.accounts[id]
	t, err := peer.Ticket{
		Account: a.ID, Device: id, Serial: o.serial, User: a.User, Name: a.Name, Team: a.Team, Admin: a.Admin,
		Issued: time.Now(), Expires: time.Now().Add(72 * time.Hour),
	}.Sign(o.realm)
	if err != nil {
		o.t.Error(err)
	}
	return rendezvous.SignedIn{Account: a, Ticket: t, Servers: []string{o.addr}}
}

// friends are all others.
func (o *rendezvousServer) friends(id peer.ID) (all []rendezvous.Friend) {
	listed := map[uuid.UUID]bool{o.accounts[id].ID: true}
	for _, a := range o.accounts {
		if listed[a.ID] {
			continue
		}
		listed[a.ID] = true
		f := rendezvous.Friend{Account: a.ID, User: a.User, Name: a.Name, State: rendezvous.Friends, Status: a.Status, Presence: rendezvous.Offline}
		f.Devices = o.devices(a.ID)
		for _, d := range f.Devices {
			if beat, ok := o.beats[d.ID]; ok {
				f.Presence = beat.Presence
			}
		}
		all = append(all, f)
	}
	return all
}

// devices are those of an account.
func (o *rendezvousServer) devices(account uuid.UUID) (all []rendezvous.Device) {
	for device, a := range o.accounts {
		if a.ID == account {
			all = append(all, rendezvous.Device{ID: device, Addresses: o.beats[device].Addresses})
		}
	}
	slices.SortFunc(all, func(a, b rendezvous.Device) int { return a.ID.Compare(b.ID) })
	return all
}

func (o *rendezvousServer) heartbeat(w http.ResponseWriter, r *http.Request, id peer.ID, b []byte) {
	var h rendezvous.Heartbeat
	if err := json.Unmarshal(b, &h); err != nil {
		o.t.Error(err)
	}
	switch s := o.starts[id]; h.Instance {
	case s.before:
		o.say(w, rendezvous.News{Number: h.Received, Twice: true})
		return
	case s.now:
	default:
		o.starts[id] = starts{h.Instance, s.now}
		o.news()
	}
	if before, ok := o.beats[id]; h.Presence == rendezvous.Offline {
		delete(o.beats, id)
		o.news()
	} else if o.beats[id] = h; !ok || before.Presence != h.Presence || !slices.Equal(before.Addresses, h.Addresses) {
		o.news()
	}
	until := time.NewTimer(time.Duration(h.Hold) * time.Millisecond)
	defer until.Stop()
	for h.Received == o.version && !o.out[id] && h.Hold > 0 {
		changed := o.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-until.C:
			h.Hold = 0
		case <-r.Context().Done():
			h.Hold = 0
		}
		o.mu.Lock()
	}
	if _, ok := o.accounts[id]; !ok {
		o.refuse(w, rendezvous.CodeSignedOut)
		return
	}
	o.say(w, rendezvous.News{Number: o.version, Whole: true, Friends: o.friends(id), Twice: o.starts[id].now != h.Instance})
}
