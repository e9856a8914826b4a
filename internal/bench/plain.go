package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// This file is the limit: a copy over the same kind of connection as Earshot's,
// made as durable, and nothing else. Its two sides are processes of this program.

// The roles of such a process; they are the first argument.
const (
	plainReceive = "plain-receive" // ADDRESS FILE
	plainSend    = "plain-send"    // ADDRESS FILE
)

// roleOf reports whether this process was started as one side of the plain copy,
// which it then was.
func roleOf(args []string) bool {
	if len(args) != 4 || args[1] != plainReceive && args[1] != plainSend {
		return false
	}
	do := map[string]func(addr, path string) error{plainReceive: receivePlain, plainSend: sendPlain}[args[1]]
	if err := do(args[2], args[3]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", args[1], err)
		os.Exit(codeFailed)
	}
	return true
}

// plain is the contender; measured is from the connection to the durable copy.
func (p *pair) plain() func() sample {
	self, err := os.Executable()
	p.check("find this program", err)
	dir := p.folder("to", "plain")
	addr := net.JoinHostPort(p.to.Addr, "7000")
	return func() sample {
		copied := filepath.Join(dir, filepath.Base(p.source))
		receive := p.to.Command(p.ctx, self, plainReceive, addr, copied)
		told := make(chan string, 2)
		receive.Stdout = &lines{each: func(line []byte) error { told <- string(line); return nil }}
		receiver := p.start(receive)
		p.hears(receiver, told)
		sent := p.run(p.from.Command(p.ctx, self, plainSend, addr, p.source))
		took, err := strconv.ParseInt(p.hears(receiver, told), 10, 64)
		p.check("read from the plain copy", err)
		<-receiver.ended
		p.received(dir)
		state := receive.ProcessState
		return sample{wall: time.Duration(took), cpu: sent.cpu + state.UserTime() + state.SystemTime()}
	}
}

// hears waits for a line of a process, which the bench's end ends.
func (b *bench) hears(p *process, told <-chan string) string {
	select {
	case line := <-told:
		return line
	case <-p.ended:
	}
	select {
	case line := <-told: // it was the last word
		return line
	default:
		p.died("wait for a line")
		return ""
	}
}

// receivePlain says a line when it listens, and the nanoseconds at the end.
func receivePlain(addr, path string) error {
	config, err := plainProfile()
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", addr, config)
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Println("ready")
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	began := time.Now()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := plainCopy(f, conn); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	fmt.Println(time.Since(began).Nanoseconds())
	return nil
}

func sendPlain(addr, path string) error {
	config, err := plainProfile()
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := plainCopy(conn, f); err != nil {
		return err
	}
	return conn.Close()
}

// plainCopy copies through one buffer: a file's own ways to copy have smaller
// ones where the other end is no socket.
func plainCopy(to io.Writer, from io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 1<<20))
	return err
}

// plainProfile is the TLS profile of package peer: TLS 1.3, a self-signed
// certificate with an Ed25519 key on both sides.
func plainProfile() (*tls.Config, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true,
	}, nil
}
