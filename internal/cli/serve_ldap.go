package cli

import (
	"crypto/x509"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"earshot/internal/rendezvous/server"
)

// maxRoots bounds the file of certificates in bytes: the whole web's have 200 KiB.
const maxRoots = 1 << 20

func addLDAP(cmd *cobra.Command, f *serveFlags) {
	cmd.Flags().StringVar(&f.ldap, "ldap", "", "check log-ins at the directory ldaps://HOST, or ldap://HOST with StartTLS")
	cmd.Flags().StringVar(&f.ldapBind, "ldap-bind", "", "as whom people sign in there, %s is the user name, like \"uid=%s,ou=people,dc=example,dc=org\"")
	cmd.Flags().StringVar(&f.ldapBase, "ldap-base", "", "where their entries are sought if --ldap-bind is no DN, like \"dc=example,dc=org\"")
	cmd.Flags().StringVar(&f.ldapCA, "ldap-ca", "", "a file of certificates (PEM) that the directory's comes from (default the system's)")
}

// readLDAP takes in how the directory is asked.
func (f *serveFlags) readLDAP(c *server.Config) error {
	if f.ldap == "" {
		if f.ldapBind+f.ldapBase+f.ldapCA != "" {
			return wrong("--ldap-bind, --ldap-base and --ldap-ca go with --ldap.")
		}
		return nil
	}
	c.LDAP = server.LDAP{URL: f.ldap, Bind: f.ldapBind, Base: f.ldapBase}
	if f.ldapCA == "" {
		return nil
	}
	roots, err := readRoots(f.ldapCA)
	c.LDAP.Roots = roots
	return err
}

func readRoots(path string) (*x509.CertPool, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	pem, err := io.ReadAll(io.LimitReader(file, maxRoots))
	roots := x509.NewCertPool()
	if err == nil && !roots.AppendCertsFromPEM(pem) {
		err = errors.New("no certificates in it")
	}
	if err != nil {
		return nil, wrong("--ldap-ca: %s: %v.", path, err)
	}
	return roots, nil
}
