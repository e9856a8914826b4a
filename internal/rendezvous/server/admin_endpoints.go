package server

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
)

func (s *Server) adminOnline(ctx context.Context, _ *request) (any, error) {
	return s.directory.online(ctx)
}

func (s *Server) adminAccounts(ctx context.Context, _ *request) (any, error) {
	return s.directory.accounts(ctx)
}

func (s *Server) adminKick(ctx context.Context, q *request) (any, error) {
	return s.administer(ctx, q, "kick", func(id uuid.UUID) error { return s.directory.kick(ctx, id) })
}

func (s *Server) adminDisable(ctx context.Context, q *request) (any, error) {
	return s.administer(ctx, q, "disable", func(id uuid.UUID) error {
		if id == q.caller.ID { // or nobody could enable anybody
			return refuse(rendezvous.CodeInvalid)
		}
		return s.directory.disable(ctx, id, true)
	})
}

func (s *Server) adminEnable(ctx context.Context, q *request) (any, error) {
	return s.administer(ctx, q, "enable", func(id uuid.UUID) error { return s.directory.disable(ctx, id, false) })
}

func (s *Server) adminReset(ctx context.Context, q *request) (any, error) {
	password := newPassword()
	_, err := s.administer(ctx, q, "reset", func(id uuid.UUID) error {
		hash, err := s.hasher.hash(ctx, password)
		if err != nil {
			return err
		}
		return s.directory.resetPassword(ctx, id, hash)
	})
	if err != nil {
		return nil, err
	}
	return rendezvous.Reset{Password: password}, nil
}

// administer does something to the account that the path names, and logs it.
func (s *Server) administer(ctx context.Context, q *request, what string, f func(uuid.UUID) error) (any, error) {
	done, err := s.with(ctx, q, f)
	if err == nil {
		s.log.Info("administered", "what", what, "account", q.r.PathValue("account"), "by", q.caller.User)
	}
	return done, err
}

// newPassword draws a password that is read to somebody over the telephone: 60 bits.
func newPassword() string {
	raw := make([]byte, 10)
	rand.Read(raw) // never fails
	letters := strings.ToLower(base32.StdEncoding.EncodeToString(raw))[:12]
	return letters[:4] + "-" + letters[4:8] + "-" + letters[8:]
}

func (s *Server) adminInvite(ctx context.Context, q *request) (any, error) {
	var in rendezvous.Invite
	if err := q.read(maxBody, &in); err != nil {
		return nil, err
	}
	now := time.Now()
	if in.Until.IsZero() {
		in.Until = now.Add(usualInvite)
	}
	if in.Uses == 0 {
		in.Uses = 1
	}
	if in.Uses < 1 || in.Uses > maxInviteUses || in.Until.Before(now) || in.Until.After(now.Add(longestInvite)) {
		return nil, refuse(rendezvous.CodeInvalid)
	}
	code, err := s.directory.invite(ctx, in.Uses, in.Until)
	if err != nil {
		return nil, err
	}
	s.log.Info("invited", "uses", in.Uses, "until", in.Until, "by", q.caller.User)
	link := rendezvous.Link{Address: s.ownAddress(), Realm: s.realm.ID(), Code: code}
	return rendezvous.Invited{Link: link.String()}, nil
}

// ownAddress is the first address where clients reach this server.
func (s *Server) ownAddress() string {
	if len(s.config.Addresses) == 0 {
		return s.gate.Addr().String()
	}
	return s.config.Addresses[0]
}

// adminImport makes accounts for a list of people. Each gets a password for one
// log-in; who cannot be made is said with why, and the others are.
func (s *Server) adminImport(ctx context.Context, q *request) (any, error) {
	var in []rendezvous.Registration
	if err := q.read(maxImport, &in); err != nil {
		return nil, err
	}
	if len(in) > rendezvous.MaxImport {
		return nil, refuse(rendezvous.CodeInvalid)
	}
	out := make([]rendezvous.Imported, len(in))
	for i, one := range in {
		var r *refusal
		password, err := s.importOne(ctx, one)
		out[i] = rendezvous.Imported{User: one.User, Password: password}
		if errors.As(err, &r) {
			out[i] = rendezvous.Imported{User: one.User, Error: r.code}
		} else if err != nil {
			return nil, err
		}
	}
	s.log.Info("imported", "people", len(in), "by", q.caller.User)
	return out, nil
}

func (s *Server) importOne(ctx context.Context, in rendezvous.Registration) (password string, err error) {
	if in.Password != "" || in.Code != "" {
		return "", refuse(rendezvous.CodeInvalid)
	}
	n, err := s.wanted(in)
	if err != nil {
		return "", err
	}
	if _, err := s.directory.byUser(ctx, n.user); err == nil {
		return "", refuse(rendezvous.CodeTaken) // before the work of a hash
	}
	password = newPassword()
	if n.password, err = s.hasher.hash(ctx, password); err != nil {
		return "", err
	}
	n.policy, n.reset = RegisterOpen, resetOnce
	_, err = s.directory.register(ctx, n)
	return password, err
}
