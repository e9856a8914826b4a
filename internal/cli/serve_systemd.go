package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"earshot/internal/profile"
)

// unit is a server as systemd runs it: as a user of its own, who can write in its
// folder and nowhere else.
const unit = `[Unit]
Description=Earshot rendezvous server
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=%s
%sDynamicUser=yes
StateDirectory=earshot
StateDirectoryMode=0700
Restart=always
RestartSec=2
LimitNOFILE=65536
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK

[Install]
WantedBy=multi-user.target
`

// unitData is the data folder of the service.
const unitData = "/var/lib/earshot"

// sayUnit prints the unit of a server with what was said here; what stands in the
// file, the service reads in its own folder.
func (p *Program) sayUnit(set profile.Server, data string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	words := append([]string{program, "serve", "--data", unitData, "--home", unitData}, p.saidFlags(set)...)
	for i, word := range words {
		words[i] = unitWord(word)
	}
	notes := ""
	if from := set.Origin("database"); from == profile.FromFlag || from == profile.FromEnvironment {
		notes += "# EARSHOT_DATABASE=postgres://…, readable by root alone\nEnvironmentFile=/etc/earshot-server.env\n"
	}
	inFile := func(s profile.Setting) bool { return s.Origin == profile.FromFile }
	if data != unitData && slices.ContainsFunc(set.All(), inFile) {
		notes += fmt.Sprintf("# What %q says counts here when a copy of it is in %s\n", filepath.Join(data, profile.ServerFile), unitData)
	}
	_, err = fmt.Fprintf(p.Stdout, unit, strings.Join(words, " "), notes)
	return err
}

// saidFlags is what was typed, set in the environment or, of the links, in the profile,
// as flags; but for the database, whose password others would see.
func (p *Program) saidFlags(set profile.Server) []string {
	var words []string
	add := func(flag string, values ...string) {
		for _, value := range values {
			words = append(words, "--"+flag, value)
		}
	}
	for _, s := range set.All() {
		list, isList := s.Value.([]string)
		switch {
		case s.Key == "interfaces" && s.Origin == profile.FromDefault:
			add(s.Flag, p.set.Interfaces...)
		case s.Key == "database" || s.Origin == profile.FromDefault || s.Origin == profile.FromFile:
		case isList:
			add(s.Flag, list...)
		default:
			add(s.Flag, fmt.Sprint(s.Value))
		}
	}
	return words
}

// unitWord quotes a word of a command line for systemd.
func unitWord(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(word)
	if word == "" || strings.ContainsAny(word, " \t'\";") {
		return `"` + word + `"`
	}
	return word
}
