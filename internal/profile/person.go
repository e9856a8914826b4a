package profile

import (
	"os"
	"os/user"
	"strings"

	"earshot/peer"
)

// PersonName is what a person who chose no name is called: the full name that the
// system knows, else the name of the machine. It is never the log-in name, which
// others could try to log in with.
func PersonName() string {
	u, err := user.Current()
	if err != nil {
		u = &user.User{}
	}
	host, _ := os.Hostname()
	return personName(u, host)
}

func personName(u *user.User, host string) string {
	full, _, _ := strings.Cut(u.Name, ",") // GECOS: name, room, telephone
	if strings.Contains(full, "&") {       // stands for the log-in name there
		full = ""
	}
	login := u.Username[strings.LastIndexByte(u.Username, '\\')+1:] // DOMAIN\login
	name := peer.DisplayName(full).String()
	if name != "" && peer.FoldName(name) != peer.FoldName(login) {
		return name
	}
	host, _, _ = strings.Cut(host, ".")
	if name = peer.DisplayName(host).String(); name != "" {
		return name
	}
	return "earshot"
}
