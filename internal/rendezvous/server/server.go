package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// Config is what a server is started with.
type Config struct {
	Data         string       // the folder of the realm's key, and of SQLite's database
	Database     string       // postgres://…; empty: SQLite in Data
	Listen       string       // host:port
	Addresses    []string     // host:port where clients reach it; none: those of this machine
	Registration Registration // empty: RegisterInvite
	Roster       Roster       // empty: RosterAsk
	LDAP         LDAP         // who knows people's passwords; zero: this server alone
	Metrics      string       // host:port on this machine for /healthz and /metrics; empty: none
	Log          *slog.Logger

	cost cost // of passwords; zero: the usual one
}

// Server is a rendezvous server.
type Server struct {
	config    Config
	log       *slog.Logger
	realm     *peer.Identity
	lock      *flock.Flock
	directory *directory
	hub       *hub
	hasher    *hasher
	ldap      *ldapServer // nil: none
	gate      *gate
	http      *http.Server
	metrics   net.Listener // nil: none
	counters  counters
	since     time.Time

	addresses atomic.Pointer[[]string]    // of all servers of the service
	revoked   atomic.Pointer[revocations] // as they were signed last
	revoking  sync.Mutex                  // held while they are read anew

	strangers, attempts *buckets[netip.Addr]
	tries, requests     *buckets[peer.ID]
	beats               *buckets[peer.ID]
	guesses             *buckets[string]
}

// revocations is the list as it goes to clients.
type revocations struct {
	epoch  uint64
	signed []byte
}

// Open opens the database and the realm's key, and listens. A folder without either
// becomes a new realm. [Server.Run] answers; [Server.Close] ends a server that does
// not run.
func Open(ctx context.Context, c Config) (*Server, error) {
	s := newServer(c)
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newServer(c Config) *Server {
	if c.Registration == "" {
		c.Registration = RegisterInvite
	}
	if c.Roster == "" {
		c.Roster = RosterAsk
	}
	if c.cost == (cost{}) {
		c.cost = usual
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		config: c, log: c.Log, hasher: newHasher(c.cost), since: time.Now(),
		strangers: newBuckets[netip.Addr](strangerRate), attempts: newBuckets[netip.Addr](attemptRate),
		tries: newBuckets[peer.ID](deviceRate), requests: newBuckets[peer.ID](requestRate),
		beats: newBuckets[peer.ID](heartbeatRate), guesses: newBuckets[string](guessRate),
	}
}

func (s *Server) open(ctx context.Context) (err error) {
	if s.ldap, err = newLDAP(s.config.LDAP); err != nil {
		return err
	}
	if err := s.takeFolder(); err != nil {
		return err
	}
	if err := s.openDatabase(ctx); err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return err
	}
	s.gate = newGate(l)
	if s.config.Metrics != "" {
		if s.metrics, err = listenHere(s.config.Metrics); err != nil {
			return err
		}
	}
	if len(s.config.Addresses) == 0 {
		s.config.Addresses = ownAddresses(l.Addr())
	}
	profile, err := peer.HTTPConfig(s.realm, peer.ID{})
	if err != nil {
		return err
	}
	profile.GetConfigForClient = s.gate.turns.await
	s.http = s.newHTTP(profile)
	return s.begin(ctx)
}

// takeFolder makes the data folder and sees to it that no other server uses it.
func (s *Server) takeFolder() error {
	if err := os.MkdirAll(s.config.Data, 0o700); err != nil {
		return err
	}
	s.lock = flock.New(filepath.Join(s.config.Data, lockFile), flock.SetPermissions(0o600))
	got, err := s.lock.TryLock()
	if err == nil && !got {
		err = fmt.Errorf("%w: %s", ErrRunning, s.config.Data)
	}
	return err
}

func (s *Server) openDatabase(ctx context.Context) (err error) {
	location := s.config.Database
	if location == "" {
		location = filepath.Join(s.config.Data, databaseFile)
	}
	s.directory, err = openDirectory(ctx, location)
	if errors.Is(err, errNewer) {
		return ErrNewer
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDatabase, err)
	}
	s.realm, err = openRealm(ctx, s.directory, s.config.Data)
	return err
}

// begin takes the lease, and what the server before this one left, and reads what is
// kept in memory.
func (s *Server) begin(ctx context.Context) error {
	s.hub = newHub(s)
	there, err := s.directory.inherit(ctx)
	if err != nil {
		return err
	}
	s.hub.expect(there)
	if _, err := s.directory.renew(ctx, s.config.Addresses); err != nil {
		return err
	}
	if err := s.readAddresses(ctx); err != nil {
		return err
	}
	if err := s.readRevocations(ctx); err != nil {
		return err
	}
	s.directory.watch(s.hub.heard)
	s.counters.database.Store(true)
	return nil
}

func (s *Server) readAddresses(ctx context.Context) error {
	all, err := s.directory.serverAddresses(ctx)
	if err == nil {
		s.addresses.Store(&all)
	}
	return err
}

// readRevocations reads and signs the list. One does it at a time, so that an older
// list never takes the place of a newer one.
func (s *Server) readRevocations(ctx context.Context) error {
	s.revoking.Lock()
	defer s.revoking.Unlock()
	list, err := s.directory.revocations(ctx, s.realm.ID())
	if err != nil {
		return err
	}
	signed, err := list.Sign(s.realm)
	if err == nil {
		s.revoked.Store(&revocations{epoch: list.Epoch, signed: signed})
	}
	return err
}

// Run answers until ctx ends, and then within two seconds returns. The devices that
// heartbeat here have ten seconds to go to another server before their friends see
// them go.
func (s *Server) Run(ctx context.Context) error {
	defer s.Close()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { s.hub.run(ctx) })
	wg.Go(func() { s.keepLease(ctx) })
	listening := make(chan struct{})
	tried := sync.OnceFunc(func() { close(listening) })
	wg.Go(func() {
		defer tried()
		s.directory.listen(ctx, s.hub.heard, func(why error) { s.hub.missed(why); tried() })
	})
	if s.metrics != nil {
		wg.Go(func() { s.serveMetrics(ctx) })
	}
	s.log.Info("serving", "at", s.Addr(), "addresses", s.config.Addresses, "realm", rendezvous.Fingerprint(s.Realm()))
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() { defer close(stopped); s.stop() })()
	s.awaitNotices(ctx, listening)
	err := s.http.ServeTLS(s.gate, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}

// awaitNotices waits until other servers are heard, or cannot be: who came before would
// have to be told everything again.
func (s *Server) awaitNotices(ctx context.Context, listening <-chan struct{}) {
	if s.directory.postgres == nil {
		return
	}
	select {
	case <-listening:
	case <-time.After(queryTime):
	case <-ctx.Done():
	}
}

// stop has what is held answered, and waits for that.
func (s *Server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	s.hub.close()
	if err := s.directory.leave(ctx); err != nil {
		s.log.Warn("the other servers were not told of the end", "why", err)
	}
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}

// Close gives back what Open took. After Run it has nothing to do.
func (s *Server) Close() error {
	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	if s.gate != nil {
		s.gate.Close()
	}
	if s.metrics != nil {
		s.metrics.Close()
	}
	if s.directory != nil {
		errs = append(errs, s.directory.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// keepLease renews the lease and buries servers that did not renew theirs.
func (s *Server) keepLease(ctx context.Context) {
	for pause(ctx, leaseRenewed); ctx.Err() == nil; pause(ctx, leaseRenewed) {
		fresh, err := s.directory.renew(ctx, s.config.Addresses)
		if fresh {
			s.hub.rewrite()
		}
		if err == nil {
			err = s.directory.bury(ctx)
		}
		s.counters.database.Store(err == nil)
		if err != nil && ctx.Err() == nil {
			s.log.Error("the database does not answer", "why", err)
		}
	}
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.gate.Addr() }

// Realm is the key that clients know the server by.
func (s *Server) Realm() peer.ID { return s.realm.ID() }

// JoinLinks draws the administrator's code where there is no administrator yet, and
// gives the link for each address of this server.
func (s *Server) JoinLinks(ctx context.Context) (links []rendezvous.Link, first bool, err error) {
	has, err := s.directory.hasAdmin(ctx)
	code := ""
	if err == nil && !has {
		code, err = s.directory.adminCode(ctx)
	}
	for _, address := range s.config.Addresses {
		links = append(links, rendezvous.Link{Address: address, Realm: s.realm.ID(), Code: code})
	}
	return links, !has, err
}

// Online are the devices that are there, on all servers of the service.
func (s *Server) Online(ctx context.Context) ([]rendezvous.OnlineDevice, error) {
	return s.directory.online(ctx)
}

// newHTTP is the HTTP server with its limits.
func (s *Server) newHTTP(profile *tls.Config) *http.Server {
	return &http.Server{
		Handler: s.routes(), TLSConfig: profile,
		ReadHeaderTimeout: handshakeTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHead,
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2
		ConnContext:  keepConn,
	}
}

// Backup writes a copy of SQLite's database in the data folder, as it is now, into a
// new file; a server may be running.
func Backup(ctx context.Context, data, file string) error {
	path := filepath.Join(data, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	d := &directory{}
	if err := d.openSQLite(path); err != nil {
		return err
	}
	defer d.close()
	return d.backup(ctx, file)
}
