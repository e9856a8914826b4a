package transfer_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

// open opens a data connection to a device by hand.
func (d *device) open(from peer.ID) net.Conn {
	d.t.Helper()
	near, far, err := d.world.connect()
	if err != nil {
		d.t.Fatal(err)
	}
	d.engine.Serve(from, far)
	return near
}

// say writes messages and returns what comes back until the other side closes.
func say(t *testing.T, conn net.Conn, messages ...peer.Message) []peer.Message {
	t.Helper()
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(longTime))
	for _, m := range messages {
		b, err := peer.Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(b) // may be closed already
	}
	var answers []peer.Message
	for {
		kind, payload, err := peer.ReadFrame(conn, peer.DataFrame)
		if err != nil {
			return answers
		}
		m, err := peer.Decode(kind, payload)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, m)
		if _, last := m.(peer.Gone); last {
			io.Copy(io.Discard, conn)
			return answers
		}
	}
}

func page0(id uuid.UUID) peer.Read { return peer.Read{Offer: id, Page: new(uint64)} }

func TestDataThatNobodyAskedFor(t *testing.T) {
	chunk := func(id uuid.UUID) peer.Message { return peer.Chunk{Offer: id, Data: []byte("x")} }
	for name, message := range map[string]func(transfer.Offer) peer.Message{
		"a chunk/X-01":               func(o transfer.Offer) peer.Message { return chunk(o.ID) },
		"a chunk before accept/F-11": func(o transfer.Offer) peer.Message { return chunk(o.ID) },
		"a chunk of nothing/X-01":    func(transfer.Offer) peer.Message { return chunk(uuid.New()) },
		"a manifest/X-01":            func(o transfer.Offer) peer.Message { return peer.Manifest{Offer: o.ID} },
		"the end/F-11":               func(o transfer.Offer) peer.Message { return peer.Gone{Offer: o.ID, Reason: "source changed"} },
		"a read of what comes/F-11":  func(o transfer.Offer) peer.Message { return page0(o.ID) },
		"an answer to nothing/F-11":  func(o transfer.Offer) peer.Message { return peer.DialBack{Offer: o.ID} },
		"a session's frame/F-11":     func(o transfer.Offer) peer.Message { return peer.OfferState{Offer: o.ID, State: "done"} },
	} {
		t.Run(name, func(t *testing.T) {
			_, ann, bob := pair(t)
			path := file(t, "a", 5)
			offer := ann.offer(bob, path)
			for _, m := range say(t, bob.open(ann.id), message(offer)) {
				if gone, ok := m.(peer.Gone); !ok || gone.Reason != "refused" {
					t.Errorf("answered %+v", m)
				}
			}
			if at := bob.at(offer.ID); at.State != transfer.Offered {
				t.Errorf("it is %s", at.State)
			}
			if names := listing(t, bob.dir); len(names) != 1 {
				t.Errorf("written: %v", names)
			}
			bob.accept(offer.ID)
			same(t, bob.state(offer.ID, transfer.Done).Path, path)
		})
	}
	t.Run("states that the sender has no say in/F-11", func(t *testing.T) {
		_, ann, bob := pair(t)
		offer := ann.offer(bob, file(t, "a", 5))
		for _, state := range []string{"preparing", "", "nonsense"} {
			bob.engine.Receive(ann.id, peer.OfferState{Offer: offer.ID, State: state}, func() {})
		}
		bob.engine.Receive(peer.ID{77}, peer.OfferState{Offer: offer.ID, State: "cancelled"}, func() {})
		bob.engine.Receive(ann.id, peer.OfferState{Offer: uuid.New(), State: "cancelled"}, func() {})
		if err := do(t, func(reply func(error)) { bob.engine.Resume(offer.ID, reply) }); err != transfer.ErrState {
			t.Errorf("resume: %v", err)
		}
		if at := bob.at(offer.ID); at.State != transfer.Offered {
			t.Errorf("it is %s", at.State)
		}
	})
}

func TestASenderWhoSendsSomethingElse(t *testing.T) {
	data := []byte(noise(3*mib + 9))
	chunk := func(change func(*peer.Chunk)) func(*script, peer.Read) bool {
		return func(s *script, r peer.Read) bool {
			if len(r.Ranges) == 0 || r.Ranges[0].Offset != mib {
				return false
			}
			c := peer.Chunk{Offer: r.Offer, File: 0, Offset: mib, Data: data[mib : mib+peer.PieceSize]}
			change(&c)
			s.send(c)
			return true
		}
	}
	for name, on := range map[string]func(*script, peer.Read) bool{
		"a byte more/X-03": chunk(func(c *peer.Chunk) { c.Data = data[mib : mib+peer.PieceSize+1] }),
		"a byte less":      chunk(func(c *peer.Chunk) { c.Data = data[mib : mib+peer.PieceSize-1] }),
		"too many zeros":   chunk(func(c *peer.Chunk) { c.Data, c.Zeros = nil, peer.PieceSize+1 }),
		"zeros and bytes":  chunk(func(c *peer.Chunk) { c.Data, c.Zeros = c.Data[1:], 1 }),
		"zeros beyond all": chunk(func(c *peer.Chunk) { c.Zeros = 1<<64 - peer.PieceSize }),
		"another place":    chunk(func(c *peer.Chunk) { c.Offset = 0 }),
		"another file":     chunk(func(c *peer.Chunk) { c.File = 1 }),
		"another offer":    chunk(func(c *peer.Chunk) { c.Offer[0]++ }),
		"a wrong hash":     chunk(func(c *peer.Chunk) { c.Hash = &peer.Hash{1} }),
		"behind the end":   chunk(func(c *peer.Chunk) { c.Offset = 3*mib + 9; c.Data = data[:1] }),
		"the manifest":     func(s *script, r peer.Read) bool { return onBytes(r, func() { s.send(peer.Manifest{Offer: r.Offer}) }) },
		"a frame of 2 GiB": func(s *script, r peer.Read) bool {
			return onBytes(r, func() { s.conn.Write([]byte{0x80, 0, 0, 0, 0x22}) })
		},
		"an empty frame": func(s *script, r peer.Read) bool {
			return onBytes(r, func() { s.conn.Write([]byte{0, 0, 0, 0, 0x22}) })
		},
		"no CBOR": func(s *script, r peer.Read) bool {
			return onBytes(r, func() { s.conn.Write([]byte{0, 0, 0, 3, 0x22, 0xff, 0xff}) })
		},
		"an unknown frame": func(s *script, r peer.Read) bool {
			return onBytes(r, func() { s.conn.Write([]byte{0, 0, 0, 2, 0x2f, 0xa0}) })
		},
		"refused by itself": func(s *script, r peer.Read) bool {
			return onBytes(r, func() { s.send(peer.Gone{Offer: r.Offer, Reason: "refused"}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{entries: []peer.ManifestEntry{entry("a", uint64(len(data)), 0)}, content: map[uint64][]byte{0: data}, on: on}
			// Each request asks for one piece, so that one of them can be spoilt.
			s.on = func(s *script, r peer.Read) bool {
				for _, x := range r.Ranges {
					for at := x.Offset; at < x.Offset+x.Length; at += peer.PieceSize {
						one := r
						one.Ranges = []peer.ReadRange{{File: 0, Offset: at, Length: min(peer.PieceSize, uint64(len(data))-at)}}
						if !on(s, one) {
							s.answer(one)
						}
					}
				}
				return r.Page == nil
			}
			bob, offer := scripted(t, "a", s)
			bob.state(offer.ID, transfer.Failed, transfer.Refused)
			bob.clean(offer.ID)
			if names := bob.finals(); len(names) != 0 {
				t.Errorf("there is %v", names)
			}
		})
	}
	t.Run("and hangs up too early/X-03", func(t *testing.T) {
		s := &script{entries: []peer.ManifestEntry{entry("a", uint64(len(data)), 0)}, content: map[uint64][]byte{0: data}}
		s.on = func(s *script, r peer.Read) bool {
			return onBytes(r, func() {
				for at := 0; at < mib; at += peer.PieceSize {
					s.send(peer.Chunk{Offer: r.Offer, Offset: uint64(at), Data: data[at : at+peer.PieceSize]})
				}
				s.conn.Close()
			})
		}
		bob, offer := scripted(t, "a", s)
		bob.state(offer.ID, transfer.Interrupted, transfer.PeerAway)
		if names := bob.finals(); len(names) != 0 {
			t.Errorf("there is %v", names)
		}
		only(t, bob.dir, "*.part")
	})
	t.Run("with another hash than that of the bytes, three times/X-05", func(t *testing.T) {
		s := &script{entries: []peer.ManifestEntry{entry("a", uint64(len(data)), 0)}, content: map[uint64][]byte{0: data}}
		w := newWorld(t)
		s.t = t
		ann, bob := w.sender(9, s), w.device(2)
		offer := s.offer(t, "a")
		repairs := 0
		s.on = func(s *script, r peer.Read) bool {
			if r.Hashes {
				repairs++
				for at := 0; at < mib; at += peer.PieceSize {
					wrong := append([]byte(nil), data[at:at+peer.PieceSize]...)
					wrong[5] ^= 1
					s.send(peer.Chunk{Offer: r.Offer, Offset: uint64(at), Data: wrong, Hash: &peer.Hash{1}})
				}
				return true
			}
			return false
		}
		// The first chunk is lost on its way to the disk, which shows when the
		// device starts again.
		reached, release := bob.stopAfter(2 * mib)
		bob.engine.Up(ann.id)
		bob.engine.Incoming(offer, ann.id)
		bob.wait(offer.ID, "the offer", func(transfer.Transfer) bool { return true })
		bob.accept(offer.ID)
		<-reached
		bob.atLeast(offer.ID, 2*mib)
		bob.dead.Store(true)
		release()
		bob.kill()
		flip(t, only(t, bob.dir, "*.part"), 5)
		bob.onDisk = nil
		bob.start()
		bob.engine.Up(ann.id)
		bob.state(offer.ID, transfer.Failed, transfer.Damaged)
		bob.clean(offer.ID)
		if repairs != 3 || len(bob.finals()) != 0 {
			t.Errorf("asked %d times, there is %v", repairs, bob.finals())
		}
	})
}

// stopAfter is stopAt for a device that runs already.
func (d *device) stopAfter(limit int64) (<-chan struct{}, func()) {
	d.t.Helper()
	d.close()
	reached, release := d.stopAt(limit)
	d.start()
	return reached, release
}

// onBytes does something in place of sending bytes.
func onBytes(r peer.Read, do func()) bool {
	if r.Page == nil {
		do()
	}
	return r.Page == nil
}

func TestWhoMayRead(t *testing.T) {
	_, ann, bob := pair(t)
	path := file(t, "a", 3*mib)
	offer := ann.offer(bob, path)
	refused := func(what string, answers []peer.Message, want string) {
		t.Helper()
		if len(answers) != 1 || answers[0] != (peer.Gone{Offer: offer.ID, Reason: want}) {
			t.Errorf("%s: %+v", what, answers)
		}
	}
	refused("somebody else", say(t, ann.open(peer.ID{66}), page0(offer.ID)), "refused")
	if answers := say(t, ann.open(bob.id), page0(uuid.New())); len(answers) != 1 {
		t.Errorf("an unknown offer: %+v", answers)
	}
	for what, read := range map[string]peer.Read{
		"a file that is not there":   {Offer: offer.ID, Ranges: []peer.ReadRange{{File: 1, Length: 1}}},
		"behind the end":             {Offer: offer.ID, Ranges: []peer.ReadRange{{Offset: 3*mib + 1, Length: 1}}},
		"over the end":               {Offer: offer.ID, Ranges: []peer.ReadRange{{Offset: 3*mib - 1, Length: 2}}},
		"numbers that overflow":      {Offer: offer.ID, Ranges: []peer.ReadRange{{File: 1 << 63, Offset: 1<<64 - 1, Length: 1<<64 - 1}}},
		"no bytes":                   {Offer: offer.ID, Ranges: []peer.ReadRange{{}}},
		"nothing":                    {Offer: offer.ID},
		"a page that is not there":   {Offer: offer.ID, Page: ptr(uint64(1))},
		"a page and bytes":           {Offer: offer.ID, Page: new(uint64), Ranges: []peer.ReadRange{{Length: 1}}},
		"a page beyond all numbers":  {Offer: offer.ID, Page: ptr(uint64(1<<64 - 1))},
		"too many ranges in one go ": {Offer: offer.ID, Ranges: make([]peer.ReadRange, 5000)},
	} {
		for _, m := range say(t, ann.open(bob.id), read) {
			if c, ok := m.(peer.Chunk); !ok || c.Offset+uint64(len(c.Data)) > 3*mib {
				t.Errorf("%s: answered %T", what, m)
			}
		}
	}
	// So many connections at once are served, one more is closed.
	var conns []net.Conn
	for range peer.MaxDataConns {
		conns = append(conns, ann.open(bob.id))
	}
	if answers := say(t, ann.open(bob.id), page0(offer.ID)); len(answers) != 0 {
		t.Errorf("one more connection: %+v", answers)
	}
	for _, c := range conns {
		c.Close()
	}
	ann.state(offer.ID, transfer.Offered)
	if err := do(t, func(reply func(error)) { ann.engine.Cancel(offer.ID, reply) }); err != nil {
		t.Fatal(err)
	}
	bob.state(offer.ID, transfer.Cancelled, transfer.ByPeer)
	eventually(t, func() bool {
		answers := say(t, ann.open(bob.id), page0(offer.ID))
		return len(answers) == 1 && answers[0] == (peer.Gone{Offer: offer.ID, Reason: "by peer"})
	})
}

func ptr[T any](v T) *T { return &v }

// eventually tries again while connections that ended are still being counted.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
	}
	t.Error("never")
}

func TestTheSourceChanged(t *testing.T) {
	const size = 20 * mib
	for name, change := range map[string]func(path string){
		"another of the same size/R-07": func(path string) {
			other := path + ".new"
			os.WriteFile(other, []byte(noise(size)), 0o600)
			info, _ := os.Stat(path)
			os.Chtimes(other, info.ModTime(), info.ModTime())
			os.Rename(other, path)
		},
		"grown/R-07":  func(path string) { appendTo(path, "more") },
		"shrunk/R-07": func(path string) { os.Truncate(path, size/2) },
		"edited with its times put back/R-07": func(path string) {
			info, _ := os.Stat(path)
			f, _ := os.OpenFile(path, os.O_WRONLY, 0)
			f.WriteAt([]byte("edited"), 15*mib)
			f.Close()
			os.Chtimes(path, info.ModTime(), info.ModTime())
		},
		"removed/R-07":  func(path string) { os.Remove(path) },
		"a folder/R-07": func(path string) { os.Remove(path); os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, when := range []string{"before", "within", "while interrupted"} {
				w, ann, bob := pair(t)
				path := file(t, "log.txt", size)
				offer := ann.offer(bob, path)
				reached, release := bob.stopAfter(6 * mib)
				if when == "before" {
					change(path)
				}
				bob.accept(offer.ID)
				if when != "before" {
					<-reached
					if when == "while interrupted" {
						w.part(true)
					}
					change(path)
					w.part(false)
				}
				release()
				if name == "removed/R-07" && when == "within" {
					// An open file is what it was, also without its name.
					bob.wait(offer.ID, "the end", func(t transfer.Transfer) bool { return t.State.Final() })
					continue
				}
				bob.state(offer.ID, transfer.Failed, transfer.SourceChanged)
				ann.state(offer.ID, transfer.Failed, transfer.SourceChanged)
				if names := bob.finals(); len(names) != 0 {
					t.Errorf("%s: there is %v", when, names)
				}
				if when == "before" { // else what came is kept for the next time
					bob.clean(offer.ID)
				}
			}
		})
	}
}

func appendTo(path, text string) {
	f, _ := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	f.WriteString(text)
	f.Close()
}

func TestAnUnreadableSourceIsTriedAgain(t *testing.T) {
	_, ann, bob := pair(t)
	path := filepath.Clean(file(t, "a", 9*mib))
	offer := ann.offer(bob, path)
	ann.close()
	broken := make(chan struct{})
	ann.onSource = func(op, _ string) error {
		select {
		case <-broken:
			return nil
		default:
			return os.ErrPermission
		}
	}
	ann.start()
	bob.accept(offer.ID)
	bob.state(offer.ID, transfer.Interrupted, transfer.SourceUnreadable)
	ann.state(offer.ID, transfer.Interrupted, transfer.SourceUnreadable)
	close(broken)
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
	ann.state(offer.ID, transfer.Done)
}
