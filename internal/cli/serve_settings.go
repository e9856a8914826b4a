package cli

import (
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"earshot/internal/profile"
	"earshot/internal/rendezvous"
	"earshot/internal/rendezvous/server"
)

// addServerFlags adds the flags that stand for a setting of the server.
func addServerFlags(f *pflag.FlagSet) {
	f.String("listen", ":"+strconv.Itoa(rendezvous.DefaultPort), "listen at [HOST]:PORT")
	f.String("database", "", "keep everything in postgres://… (EARSHOT_DATABASE; default SQLite in the data folder)")
	f.String("registration", string(server.RegisterInvite), "who may make an account: open, invite, closed")
	f.String("roster", string(server.RosterAsk), "who is on people's lists: ask (friends), open (everybody)")
	f.StringArray("address", nil, "clients reach this server at HOST[:PORT], may be repeated (default the addresses of this machine)")
	f.String("ldap", "", "check log-ins at the directory ldaps://HOST, or ldap://HOST with StartTLS")
	f.String("ldap-bind", "", "as whom people sign in there, %s is the user name, like \"uid=%s,ou=people,dc=example,dc=org\"")
	f.String("ldap-base", "", "where their entries are sought if --ldap-bind is no DN, like \"dc=example,dc=org\"")
	f.String("ldap-ca", "", "a file of certificates (PEM) that the directory's comes from (default the system's)")
	f.String("announce", "", "the name under which the server is announced on the network, or none (default the machine's name)")
	f.String("metrics", "", "answer /healthz and /metrics at an address of this machine, like 127.0.0.1:7422")
}

// typedForServer is what was typed for each setting of the server.
func typedForServer(cmd *cobra.Command) map[string][]string {
	typed := map[string][]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		key := strings.ReplaceAll(f.Name, "-", "_")
		if list, ok := f.Value.(pflag.SliceValue); ok {
			typed[map[string]string{"address": "addresses", "interface": "interfaces"}[key]] = list.GetSlice()
			return
		}
		typed[key] = []string{f.Value.String()}
	})
	return typed
}

// typedWrong makes a usage error of a setting that is wrong on the command line or in
// the environment.
func typedWrong(cmd *cobra.Command, err error) error {
	var wrong *profile.SettingError
	if errors.As(err, &wrong) && wrong.Origin != profile.FromFile {
		return usage(cmd, err)
	}
	return err
}

// serverData is the server's folder.
func (p *Program) serverData(typed string) string {
	if typed == "" {
		return p.profile.Path("server")
	}
	return typed
}

// serverSettings are the settings of the server in the folder data. Links and log
// level are those of the profile where nothing else says which.
func (p *Program) serverSettings(cmd *cobra.Command, data string) (profile.Server, error) {
	set, err := profile.ReadServer(data, profile.Sources{Flags: typedForServer(cmd), Environment: p.Environment})
	if err != nil {
		return set, err
	}
	if set.Origin("interfaces") == profile.FromDefault {
		set.Interfaces = p.set.Interfaces
	}
	if set.Origin("log") == profile.FromDefault && p.set.Origin("log") != profile.FromDefault {
		set.Log = p.set.Log
	}
	return set, nil
}

// serverConfig is what the settings make of a server with the folder data.
func (p *Program) serverConfig(set profile.Server, data string) (server.Config, error) {
	c := server.Config{
		Data: data, Database: set.Database, Listen: set.Listen, Metrics: set.Metrics,
		Registration: server.Registration(set.Registration), Roster: server.Roster(set.Roster), Log: p.serverLog(set),
	}
	for _, text := range set.Addresses {
		link, err := rendezvous.ParseLink(text)
		if err != nil {
			return c, set.Wrong("addresses")
		}
		c.Addresses = append(c.Addresses, link.Address)
	}
	ldap, err := readLDAP(set, data)
	c.LDAP = ldap
	return c, err
}

// serverLog logs to stderr. Unless a level was asked for, what people and
// administrators do is told.
func (p *Program) serverLog(set profile.Server) *slog.Logger {
	return slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: set.Log}))
}

// maxRoots bounds the file of certificates in bytes: the whole web's have 200 KiB.
const maxRoots = 1 << 20

// readLDAP is how the directory is asked. In the settings file the path of
// certificates begins at the folder data.
func readLDAP(set profile.Server, data string) (server.LDAP, error) {
	for _, key := range []string{"ldap_bind", "ldap_base", "ldap_ca"} {
		if set.LDAP == "" && set.Origin(key) != profile.FromDefault {
			return server.LDAP{}, unfit(set, key, key+" goes with ldap", "both")
		}
	}
	if set.LDAP != "" && set.LDAPBind == "" {
		return server.LDAP{}, unfit(set, "ldap", "ldap goes with ldap_bind", "both")
	}
	ldap := server.LDAP{URL: set.LDAP, Bind: set.LDAPBind, Base: set.LDAPBase}
	if set.LDAPCA == "" {
		return ldap, nil
	}
	path := set.LDAPCA
	if set.Origin("ldap_ca") == profile.FromFile && !filepath.IsAbs(path) {
		path = filepath.Join(data, path)
	}
	roots, err := readRoots(path)
	if errors.Is(err, errNoRoots) {
		err = unfit(set, "ldap_ca", "there are no certificates in "+path, "a file of certificates (PEM)")
	}
	ldap.Roots = roots
	return ldap, err
}

// unfit is a setting that does not fit the rest.
func unfit(set profile.Server, key, problem, want string) error {
	return &profile.SettingError{Where: set.Where(key), Origin: set.Origin(key), Problem: problem, Allowed: want}
}

var errNoRoots = errors.New("no certificates in it")

func readRoots(path string) (*x509.CertPool, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	pem, err := io.ReadAll(io.LimitReader(file, maxRoots))
	roots := x509.NewCertPool()
	if err == nil && !roots.AppendCertsFromPEM(pem) {
		err = errNoRoots
	}
	return roots, err
}
