package profile

import (
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// ServerFile holds a rendezvous server's settings, in its data folder.
const ServerFile = "server.toml"

// Server are the effective settings of a rendezvous server, every one of them valid
// as far as it alone can be.
type Server struct {
	Listen       string // [host]:port
	Database     string // postgres://…; empty: SQLite
	Registration string // open, invite, closed
	Roster       string // ask, open
	Addresses    []string
	Metrics      string // [host]:port; empty: none
	Announce     string // empty: the machine's name
	LDAP         string // URL; empty: no directory
	LDAPBind     string
	LDAPBase     string
	LDAPCA       string // a file
	Interfaces   []string
	Log          slog.Level

	origins
}

// ReadServer reads the settings of the server that has its key in the folder data. The
// errors are those of [Profile.Settings].
func ReadServer(data string, from Sources) (s Server, err error) {
	file, err := serverKeys.open(filepath.Join(data, ServerFile))
	if err == nil {
		s.all, err = serverKeys.settle(&s, from, file)
	}
	if err != nil {
		return Server{}, err
	}
	return s, nil
}

// Wrong says that the value of a setting is not allowed after all.
func (s Server) Wrong(name string) error {
	k, _ := serverKeys.of(name)
	at := s.setting(name)
	return k.wrong(at, at.Value)
}

// serverKeys are the settings of a server.
var serverKeys = schema[Server]{
	{name: "listen", flag: "listen", value: ":7421",
		allowed: "[HOST]:PORT, like :7421", set: fit(func(s *Server) *string { return &s.Listen }, isListen)},
	{name: "database", flag: "database", env: "EARSHOT_DATABASE", value: "", secret: true,
		allowed: "an address like postgres://earshot@db/earshot", set: fit(func(s *Server) *string { return &s.Database }, orEmpty(isPostgres))},
	{name: "registration", flag: "registration", value: "invite",
		allowed: "open, invite or closed", set: oneOf(func(s *Server) *string { return &s.Registration }, "open", "invite", "closed")},
	{name: "roster", flag: "roster", value: "ask",
		allowed: "ask or open", set: oneOf(func(s *Server) *string { return &s.Roster }, "ask", "open")},
	{name: "addresses", flag: "address", value: []string(nil),
		allowed: "a list of HOST or HOST:PORT, the port from 1 to 65535", set: list(func(s *Server) *[]string { return &s.Addresses }, isHost)},
	{name: "metrics", flag: "metrics", value: "",
		allowed: "an address of this machine alone, like 127.0.0.1:7422", set: fit(func(s *Server) *string { return &s.Metrics }, orEmpty(isListen))},
	{name: "announce", flag: "announce", value: "",
		allowed: "a name of at most 48 characters, or none", set: short(func(s *Server) *string { return &s.Announce })},
	{name: "ldap", flag: "ldap", value: "",
		allowed: "ldaps://HOST, ldap://HOST or ldapi://SOCKET", set: fit(func(s *Server) *string { return &s.LDAP }, orEmpty(isLDAP))},
	{name: "ldap_bind", flag: "ldap-bind", value: "",
		allowed: `one %s in it for the user name, like "uid=%s,ou=people,dc=example,dc=org"`, set: fit(func(s *Server) *string { return &s.LDAPBind }, orEmpty(hasUser))},
	{name: "ldap_base", flag: "ldap-base", value: "",
		allowed: `a DN like "dc=example,dc=org"`, set: line(func(s *Server) *string { return &s.LDAPBase })},
	{name: "ldap_ca", flag: "ldap-ca", value: "",
		allowed: "a file of certificates (PEM)", set: line(func(s *Server) *string { return &s.LDAPCA })},
	{name: "interfaces", flag: "interface", env: "EARSHOT_INTERFACE", value: []string(nil),
		allowed: `a list of patterns like "eth*" or "!docker0"`, set: list(func(s *Server) *[]string { return &s.Interfaces }, isPattern)},
	{name: "log", flag: "log", env: "EARSHOT_LOG", value: "info",
		allowed: "debug, info, warn or error", set: level(func(s *Server) *slog.Level { return &s.Log })},
}

func orEmpty(valid func(string) bool) func(string) bool {
	return func(text string) bool { return text == "" || valid(text) }
}

func isListen(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return err == nil
}

func isPostgres(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

func isLDAP(text string) bool {
	scheme, rest, _ := strings.Cut(text, "://")
	return rest != "" && (scheme == "ldaps" || scheme == "ldap" || scheme == "ldapi")
}

func hasUser(text string) bool { return strings.Count(text, "%s") == 1 }
