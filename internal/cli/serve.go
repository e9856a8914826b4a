package cli

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"earshot/discovery"
	"earshot/internal/node"
	"earshot/internal/profile"
	"earshot/internal/rendezvous"
	"earshot/internal/rendezvous/server"
	"earshot/peer"
)

func (p *Program) serveCommand() *cobra.Command {
	var data string
	var systemd bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Be the rendezvous server: accounts, friends, who is there",
		Long: `Runs a rendezvous server until it is interrupted, and prints the link with which
people join it. It knows accounts, friends and who is there, and never sees a
message or a file; while it is down, people who know each other go on.

The first account that is made with the first join link becomes administrator.
From then on people join with links of "earshot admin invite", unless
--registration is open.

What stands below may stand in server.toml in the data folder as well, as TOML with
"_" for "-", like registration = "open" or ldap_bind = "…", and addresses and
interfaces as lists. A flag beats the environment, that beats the file.

The server's key lies in the data folder. Whoever has it is the server: keep a
copy of it in a safe place. Several servers with the same key and the same
PostgreSQL database are one service. A database address with a password is better
said in EARSHOT_DATABASE than on the command line, where others see it.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return typedWrong(cmd, p.serveHere(cmd, data, systemd))
		},
	}
	addServerFlags(cmd.Flags())
	cmd.Flags().BoolVar(&systemd, "print-systemd", false, "print a unit for systemd that runs this command, and end")
	cmd.PersistentFlags().StringVar(&data, "data", "", "the folder of the server's key, its settings and its database (default the profile's folder + \"server\")")
	cmd.AddCommand(p.backupCommand(&data))
	return cmd
}

// serveHere runs the server of a data folder, or prints its unit.
func (p *Program) serveHere(cmd *cobra.Command, typed string, systemd bool) error {
	data := p.serverData(typed)
	set, err := p.serverSettings(cmd, data)
	if err != nil {
		return err
	}
	log := p.boardLog(systemd)
	c, err := p.serverConfig(set, data)
	if err != nil {
		return err
	}
	if systemd {
		return p.sayUnit(set, data)
	}
	return explainServer(p.serve(cmd.Context(), c, set, log), set)
}

func (p *Program) backupCommand(data *string) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the server's database into a new file, also while it runs",
		Args:  takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data := p.serverData(*data)
			set, err := p.serverSettings(cmd, data)
			if err != nil {
				return err
			}
			if set.Database != "" {
				return &failure{code: codeFailed, what: "This server's database is in PostgreSQL.", do: "Use pg_dump for a copy of it, and copy realm.key from the data folder."}
			}
			file, err := filepath.Abs(args[0])
			if err == nil {
				err = server.Backup(cmd.Context(), data, file)
			}
			if errors.Is(err, fs.ErrExist) {
				return &failure{code: codeFailed, what: "There is a file " + file + " already.", do: "Choose another name: a backup replaces nothing."}
			}
			if err != nil {
				return err
			}
			return p.say("The database is in %s. Keep a copy of %s with it: without the key nobody trusts the server.", file, filepath.Join(data, "realm.key"))
		},
	}
}

// serverGarbage is GOGC of a server: nearly all of its memory is held heartbeats,
// which stay, and a collection costs less than as much again of them.
const serverGarbage = 25

// serve runs the server until ctx ends, and announces it. Who is there is shown on a
// board where there is a log for one, else told on a terminal.
func (p *Program) serve(ctx context.Context, c server.Config, set profile.Server, log *tail) error {
	defer debug.SetGCPercent(debug.SetGCPercent(serverGarbage))
	s, err := server.Open(ctx, c)
	if err != nil {
		return err
	}
	head, first, err := serverLines(ctx, s)
	for i := 0; i < len(head) && err == nil; i++ {
		err = p.say("%s", head[i])
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	beside, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { p.announceServer(beside, s, set) })
	switch {
	case log != nil:
		log.hold()
		defer log.release()
		b := p.newBoard(head, first, log)
		wg.Go(func() { b.Run(beside, s.Online) })
	case isTerminal(p.Stdout):
		wg.Go(func() { p.watchOnline(beside, s) })
	}
	defer func() { stop(); wg.Wait() }()
	return s.Run(ctx)
}

// announceNone keeps a server from being announced.
const announceNone = "none"

// announceServer announces the server on the network until ctx ends. One that only
// this machine reaches is found by nobody else.
func (p *Program) announceServer(ctx context.Context, s *server.Server, set profile.Server) {
	name := set.Announce
	at, err := netip.ParseAddrPort(s.Addr().String())
	if name == "" {
		name, _ = os.Hostname() // without a name its address stands for it
	}
	if err != nil || name == announceNone || at.Addr().IsLoopback() {
		return
	}
	_ = discovery.Announce(ctx, discovery.Announcement{ // it waits for a network, and has no errors
		Realm: s.Realm(), Name: peer.DisplayName(name).String(), At: at, Interfaces: set.Interfaces, Log: p.serverLog(set),
	})
}

// serverLines say how people join; first: with a link that makes an administrator.
func serverLines(ctx context.Context, s *server.Server) (lines []string, first bool, err error) {
	links, first, err := s.JoinLinks(ctx)
	if err != nil {
		return nil, first, err
	}
	at := s.Addr().String()
	if bound, err := netip.ParseAddrPort(at); err == nil && bound.Addr().IsUnspecified() {
		at = "port " + strconv.Itoa(int(bound.Port()))
	}
	lines = []string{"The server answers at " + at + ".", "Fingerprint: " + rendezvous.Fingerprint(s.Realm())}
	for _, link := range links {
		lines = append(lines, "Join link: "+link.String())
	}
	if first {
		lines = append(lines, "Keep this link for yourself: the first account that is made with it becomes administrator.")
	}
	return lines, first, nil
}

// onlineTick is how often the terminal shows who came and went.
const onlineTick = 2 * time.Second

// watchOnline prints who comes and goes, until ctx ends.
func (p *Program) watchOnline(ctx context.Context, s *server.Server) {
	there := map[string]rendezvous.OnlineDevice{}
	tick := time.NewTicker(onlineTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		all, err := s.Online(ctx)
		if err != nil {
			continue // it is logged by who needs the database more
		}
		now := map[string]rendezvous.OnlineDevice{}
		for _, o := range all {
			now[o.Device.String()] = o
		}
		p.sayMoves(there, now)
		there = now
	}
}

// sayMoves says who is there now and was not before, and the other way round.
func (p *Program) sayMoves(before, now map[string]rendezvous.OnlineDevice) {
	line := func(o rendezvous.OnlineDevice, what string) {
		_ = p.say("%s  %s %s (%s), %d on-line", p.now().Format("15:04:05"), o.User, what, o.Address, len(now))
	}
	for key, o := range now {
		if _, was := before[key]; !was {
			line(o, "came")
		}
	}
	for key, o := range before {
		if _, is := now[key]; !is {
			line(o, "went")
		}
	}
}

// explainServer makes of what kept a server from starting what a person can do
// something with.
func explainServer(err error, set profile.Server) error {
	listening := (*net.OpError)(nil)
	f := &failure{code: codeFailed}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, server.ErrNoKey):
		f.what = "The database belongs to a server whose key is not in the data folder."
		f.do = "Copy realm.key from the other server, or from a backup, into the data folder (--data)."
	case errors.Is(err, server.ErrOtherRealm):
		f.what = "The key in the data folder is not the one that this database belongs to."
		f.do = "Copy realm.key from the server that made the database into the data folder (--data), or use another database."
	case errors.Is(err, server.ErrRunning):
		f.what, f.do = "Another server uses this data folder.", "End it first, or choose another folder with --data."
	case errors.Is(err, server.ErrNewer):
		f.what, f.do = "The database belongs to a newer Earshot.", "Use the newer program."
	case errors.Is(err, server.ErrLDAP):
		return set.Wrong("ldap")
	case errors.Is(err, server.ErrMetrics):
		return set.Wrong("metrics")
	case errors.As(err, &listening) && listening.Op == "listen":
		f.what, f.do = "The server cannot listen: "+listening.Err.Error()+".", "Choose another address with --listen."
	case errors.Is(err, server.ErrDatabase) && node.Cause(err) == nil:
		f.what, f.do = "The database cannot be opened: "+strings.Join(strings.Fields(last(err, server.ErrDatabase)), " ")+".", "Check that it runs, and the address in --database."
	default:
		return err
	}
	return f
}
