package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// slapd is a real directory of the tests' own, on this machine.
type slapd struct {
	t                     *testing.T
	plain, secure, socket string // URLs
	roots                 *x509.CertPool
}

const (
	directoryBind  = "uid=%s,ou=people,dc=example,dc=org"
	directoryAdmin = "cn=admin,dc=example,dc=org"
)

// people of the directory; Bob has neither a team nor a display name.
const directoryPeople = `dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: uid=ann,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: ann
cn: ann
sn: Lee
displayName: Ann Lee 李
ou: Sales
userPassword: pässwort of ann

dn: uid=bob,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: bob
cn: Bob Ray
sn: Ray
userPassword: short
`

// startSlapd starts a directory with two people until the test ends.
func startSlapd(t *testing.T) *slapd {
	t.Helper()
	program, err := exec.LookPath("slapd")
	if err != nil {
		if _, err = os.Stat("/usr/sbin/slapd"); err != nil {
			t.Skip("no LDAP server here: the program slapd is missing (Debian: apt-get install slapd)")
		}
		program = "/usr/sbin/slapd"
	}
	dir := t.TempDir()
	d := &slapd{t: t, plain: "ldap://127.0.0.1:" + freePort(t), secure: "ldaps://127.0.0.1:" + freePort(t),
		socket: "ldapi://" + url.PathEscape(filepath.Join(dir, "s")), roots: writeCertificate(t, dir)}
	write(t, dir, "people.ldif", directoryPeople)
	write(t, dir, "slapd.conf", fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/pid
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
database mdb
suffix "dc=example,dc=org"
rootdn "%[2]s"
rootpw root-password
directory %[1]s
`, dir, directoryAdmin))
	conf := filepath.Join(dir, "slapd.conf")
	if out, err := exec.Command(program, "-T", "add", "-q", "-f", conf, "-l", filepath.Join(dir, "people.ldif")).CombinedOutput(); err != nil {
		t.Fatalf("fill the directory: %v\n%s", err, out)
	}
	var said bytes.Buffer
	cmd := exec.Command(program, "-d", "0", "-f", conf, "-h", d.plain+" "+d.secure+" "+d.socket)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(patience); ; {
		if conn, err := ldap.DialURL(d.plain); err == nil {
			conn.Close()
			return d
		}
		if time.Now().After(end) {
			t.Fatalf("the directory does not start: %s", said.String())
		}
		pause(t.Context(), 10*time.Millisecond)
	}
}

// config is how a server asks the directory at one of its addresses.
func (d *slapd) config(url string) LDAP {
	return LDAP{URL: url, Bind: directoryBind, Roots: d.roots}
}

// asAdmin changes the directory.
func (d *slapd) asAdmin(f func(*ldap.Conn) error) {
	d.t.Helper()
	conn, err := ldap.DialURL(d.plain)
	must(d.t, err)
	defer conn.Close()
	must(d.t, conn.Bind(directoryAdmin, "root-password"))
	must(d.t, f(conn))
}

// freePort is a port that nobody listens at just now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

// writeCertificate makes cert.pem and key.pem for 127.0.0.1, and who trusts them.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "directory"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, dir, "cert.pem", cert)
	write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(cert))
	return roots
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
}
