package server

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
)

// right reports whether the password is that of an account, or of somebody whom the
// directory knows and who gets one now. Where there is neither it takes as long.
func (s *Server) right(ctx context.Context, a *account, user, password string) (bool, error) {
	folded, unusable := foldPassword(password)
	kept := a.password
	if kept == byLDAP {
		kept = ""
	}
	right, err := s.hasher.check(ctx, folded, kept)
	if err != nil || s.ldap == nil || user == "" || a.ID != uuid.Nil && a.password != byLDAP {
		return right && unusable == nil, err
	}
	return s.rightByLDAP(ctx, a, user, password)
}

// rightByLDAP asks the directory, and makes an account for who has none yet.
func (s *Server) rightByLDAP(ctx context.Context, a *account, user, password string) (bool, error) {
	entry, err := s.ldap.prove(ctx, user, password)
	switch {
	case errors.Is(err, errWrong):
		return false, nil
	case ctx.Err() != nil: // whoever asked is gone
		return false, ctx.Err()
	case err != nil:
		s.log.Error("the directory does not answer", "why", err)
		return false, refuse(rendezvous.CodeUnavailable)
	case a.ID != uuid.Nil:
		return true, nil
	case s.config.Registration == RegisterClosed:
		return false, refuse(rendezvous.CodeClosed)
	}
	if *a, err = s.adopt(ctx, user, entry); err != nil {
		return false, err
	}
	return a.password == byLDAP, nil // else somebody registered under that name just now
}

// adopt makes the account of who is in the directory.
func (s *Server) adopt(ctx context.Context, user string, e ldapEntry) (account, error) {
	n := newAccount{user: user, name: e.name, team: e.team, password: byLDAP, policy: RegisterOpen}
	if n.name == "" {
		n.name = user
	}
	var taken *refusal
	_, err := s.directory.register(ctx, n)
	if err != nil && !(errors.As(err, &taken) && taken.code == rendezvous.CodeTaken) {
		return account{}, err
	}
	if err == nil {
		s.log.Info("registered", "user", user, "by", "directory")
	}
	return s.directory.byUser(ctx, user)
}

// localRegistration is who may register with a password of this server's own. Beside a
// directory nobody takes a name of somebody there without an invitation.
func (s *Server) localRegistration() Registration {
	if s.ldap != nil && s.config.Registration == RegisterOpen {
		return RegisterInvite
	}
	return s.config.Registration
}
