package cli

import (
	"fmt"
	"os"
	"strings"

	"earshot/internal/rendezvous/server"
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

// sayUnit prints the unit of a server with this configuration.
func (p *Program) sayUnit(c server.Config, announce string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	words := []string{program, "serve", "--data", "/var/lib/earshot", "--home", "/var/lib/earshot", "--listen", c.Listen,
		"--registration", string(c.Registration), "--roster", string(c.Roster)}
	for _, address := range c.Addresses {
		words = append(words, "--address", address)
	}
	if c.Metrics != "" {
		words = append(words, "--metrics", c.Metrics)
	}
	if announce != "" {
		words = append(words, "--announce", announce)
	}
	for _, pattern := range p.set.Interfaces {
		words = append(words, "--interface", pattern)
	}
	for i, word := range words {
		words[i] = unitWord(word)
	}
	secret := ""
	if c.Database != "" {
		secret = "# EARSHOT_DATABASE=postgres://…, readable by root alone\nEnvironmentFile=/etc/earshot-server.env\n"
	}
	_, err = fmt.Fprintf(p.Stdout, unit, strings.Join(words, " "), secret)
	return err
}

// unitWord quotes a word of a command line for systemd.
func unitWord(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(word)
	if word == "" || strings.ContainsAny(word, " \t'\";") {
		return `"` + word + `"`
	}
	return word
}
