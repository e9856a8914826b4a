//go:build unix

package transfer_test

import (
	"crypto/ed25519"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"earshot/transfer"
)

const benchSize = 1 << 30

// BenchmarkCopy receives 1 GiB through two engines over TLS.
func BenchmarkCopy(b *testing.B) {
	path := bigFile(b)
	for b.Loop() {
		w, ann, bob := pair(b)
		w.tls = selfSigned(b)
		offer := ann.offer(bob, path)
		began, cpu := time.Now(), cpuTime()
		bob.accept(offer.ID)
		bob.state(offer.ID, transfer.Done)
		b.ReportMetric(float64(benchSize)/time.Since(began).Seconds()/1e6, "MB/s")
		b.ReportMetric((cpuTime()-cpu).Seconds()*1e9/benchSize, "cpu-s/GB")
		b.StopTimer()
		ann.close()
		bob.close()
		os.RemoveAll(bob.dir)
		b.StartTimer()
	}
}

// BenchmarkPlainTLS copies the same file over the same kind of connection and makes
// it as durable, and nothing else: the limit.
func BenchmarkPlainTLS(b *testing.B) {
	path := bigFile(b)
	config := selfSigned(b)
	for b.Loop() {
		to := filepath.Join(b.TempDir(), "copy")
		began, cpu := time.Now(), cpuTime()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			conn, err := tls.Dial("tcp", l.Addr().String(), config)
			if err != nil {
				return
			}
			defer conn.Close()
			f, err := os.Open(path)
			if err != nil {
				return
			}
			defer f.Close()
			io.CopyBuffer(onlyWriter{conn}, onlyReader{f}, make([]byte, 1<<20))
		}()
		conn, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		out, err := os.Create(to)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.CopyBuffer(onlyWriter{out}, onlyReader{tls.Server(conn, config)}, make([]byte, 1<<20))
		if err != nil || n != benchSize {
			b.Fatal(n, err)
		}
		if err := out.Sync(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(benchSize)/time.Since(began).Seconds()/1e6, "MB/s")
		b.ReportMetric((cpuTime()-cpu).Seconds()*1e9/benchSize, "cpu-s/GB")
		out.Close()
		l.Close()
		os.Remove(to)
	}
}

// BenchmarkSmallFiles receives 10,000 files of 4 KiB.
func BenchmarkSmallFiles(b *testing.B) {
	const files = 10_000
	src := filepath.Join(b.TempDir(), "many")
	content := map[string]string{}
	for i := range files {
		content[fmt.Sprintf("%02d/%04d", i%50, i)] = noise(4096)
	}
	tree(b, src, content)
	for b.Loop() {
		w, ann, bob := pair(b)
		w.tls = selfSigned(b)
		offer := ann.offer(bob, src)
		began := time.Now()
		bob.accept(offer.ID)
		bob.state(offer.ID, transfer.Done)
		b.ReportMetric(files/time.Since(began).Seconds(), "files/s")
		b.StopTimer()
		ann.close()
		bob.close()
		os.RemoveAll(bob.dir)
		b.StartTimer()
	}
}

type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

func bigFile(b *testing.B) string {
	path := filepath.Join(b.TempDir(), "big")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := []byte(noise(16 << 20))
	for range benchSize / len(block) {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
	}
	return path
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// selfSigned is a TLS profile like that of data connections.
func selfSigned(tb testing.TB) *tls.Config {
	public, private, err := ed25519.GenerateKey(crand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(crand.Reader, template, template, public, private)
	if err != nil {
		tb.Fatal(err)
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true,
		Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
	}
}
