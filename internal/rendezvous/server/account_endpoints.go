package server

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// register makes an account and has the device that asks belong to it.
func (s *Server) register(ctx context.Context, q *request) (any, error) {
	if err := s.attempt(q); err != nil {
		return nil, err
	}
	var in rendezvous.Registration
	if err := q.read(maxBody, &in); err != nil {
		return nil, err
	}
	n, err := s.wanted(in)
	if err != nil {
		return nil, err
	}
	password, err := foldPassword(in.Password)
	if err == nil {
		err = s.directory.mayRegister(ctx, n.policy, n.code) // before the work of a hash
	}
	if err != nil {
		return nil, err
	}
	if n.password, err = s.hasher.hash(ctx, password); err != nil {
		return nil, err
	}
	n.device = &q.device
	c, err := s.directory.register(ctx, n)
	if err != nil {
		return nil, err
	}
	s.log.Info("registered", "user", c.User, "admin", c.Admin, "device", q.device, "from", q.address)
	return s.signedIn(ctx, q, c)
}

// wanted is the account that a registration asks for, still without a password.
func (s *Server) wanted(in rendezvous.Registration) (newAccount, error) {
	user, err := foldUser(in.User)
	n := newAccount{
		user: user, name: peer.DisplayName(in.Name).String(), team: peer.DisplayName(in.Team).String(),
		code: in.Code, policy: s.config.Registration,
	}
	if n.name == "" {
		n.name = user
	}
	return n, err
}

// attempt takes the tokens of a registration or a log-in.
func (s *Server) attempt(q *request) error {
	if err := s.attempts.take(network(q.address)); err != nil {
		return err
	}
	return s.tries.take(q.device)
}

// logIn has the device that asks belong to the account whose password it says. An
// unknown user, a wrong password and a disabled account look and take the same.
func (s *Server) logIn(ctx context.Context, q *request) (any, error) {
	if err := s.attempt(q); err != nil {
		return nil, err
	}
	var in rendezvous.Credentials
	if err := q.read(maxBody, &in); err != nil {
		return nil, err
	}
	a, err := s.prove(ctx, q, in)
	if err != nil {
		return nil, err
	}
	c, err := s.directory.enrol(ctx, a, q.device)
	if err != nil {
		return nil, err
	}
	s.counters.logIns.Add(1)
	s.log.Info("signed in", "user", c.User, "device", q.device, "from", q.address)
	return s.signedIn(ctx, q, c)
}

// prove gives the account whose password this is.
func (s *Server) prove(ctx context.Context, q *request, in rendezvous.Credentials) (account, error) {
	var a account
	user, err := foldUser(in.User)
	if err == nil {
		if a, err = s.directory.byUser(ctx, user); err != nil && !errors.Is(err, errNone) {
			return a, err
		}
		if err := s.guess(ctx, q, user); err != nil {
			return a, err
		}
	}
	password, unusable := foldPassword(in.Password)
	right, err := s.hasher.check(ctx, password, a.password)
	if err != nil {
		return a, err
	}
	if !right || unusable != nil || a.disabled || a.reset == resetPending {
		s.counters.refused.Add(1)
		s.log.Warn("log-in refused", "account", a.ID, "device", q.device, "from", q.address)
		return a, refuse(rendezvous.CodeCredentials)
	}
	return a, nil
}

// guess takes a token of the account, whether there is one or not. Devices that
// belong to it need none: nobody locks a person out by guessing.
func (s *Server) guess(ctx context.Context, q *request, user string) error {
	if c, err := s.directory.caller(ctx, q.device); err == nil && c.User == user {
		return nil
	}
	return s.guesses.take(user)
}

// signedIn tells a device whose it is. From here on its connection is no stranger's.
func (s *Server) signedIn(ctx context.Context, q *request, c caller) (any, error) {
	if err := q.known(); err != nil {
		return nil, err
	}
	out := rendezvous.SignedIn{Account: c.Account, Servers: *s.addresses.Load(), Choose: c.reset == resetPending}
	if out.Choose {
		return out, nil
	}
	var err error
	out.Ticket, err = s.ticket(ctx, c)
	return out, err
}

func (s *Server) logOut(ctx context.Context, q *request) (any, error) {
	err := s.directory.signOut(ctx, q.caller.ID, q.device)
	if err == nil {
		s.log.Info("signed out", "user", q.caller.User, "device", q.device)
	}
	return nil, err
}

func (s *Server) me(ctx context.Context, q *request) (any, error) {
	return s.signedIn(ctx, q, q.caller)
}

// changeMe changes what others see of the account. There is no way to change
// anything else by it.
func (s *Server) changeMe(ctx context.Context, q *request) (any, error) {
	var in rendezvous.Change
	if err := q.read(maxBody, &in); err != nil {
		return nil, err
	}
	for _, text := range []*string{in.Name, in.Team, in.Status} {
		if text != nil {
			*text = peer.DisplayName(*text).String()
		}
	}
	if in.Name != nil && *in.Name == "" {
		*in.Name = q.caller.User
	}
	if err := s.directory.setProfile(ctx, q.caller.ID, in); err != nil {
		return nil, err
	}
	c, err := s.directory.caller(ctx, q.device)
	if err != nil {
		return nil, err
	}
	return s.signedIn(ctx, q, c)
}

// changePassword takes a new password of who knows the old one, and signs out all
// other devices of the account.
func (s *Server) changePassword(ctx context.Context, q *request) (any, error) {
	if err := s.tries.take(q.device); err != nil {
		return nil, err
	}
	var in rendezvous.NewPassword
	if err := q.read(maxBody, &in); err != nil {
		return nil, err
	}
	chosen, err := foldPassword(in.New)
	if err != nil {
		return nil, err
	}
	old, unusable := foldPassword(in.Old)
	right, err := s.hasher.check(ctx, old, q.caller.password)
	if err != nil {
		return nil, err
	}
	if !right || unusable != nil {
		return nil, refuse(rendezvous.CodeCredentials)
	}
	hash, err := s.hasher.hash(ctx, chosen)
	if err == nil {
		err = s.directory.setPassword(ctx, q.caller.account, hash, q.device)
	}
	if err != nil {
		return nil, err
	}
	s.log.Info("password changed", "user", q.caller.User, "device", q.device)
	q.caller.reset = ownPassword
	return s.signedIn(ctx, q, q.caller)
}

func (s *Server) myDevices(ctx context.Context, q *request) (any, error) {
	return s.directory.devices(ctx, q.caller.ID)
}

func (s *Server) revokeDevice(ctx context.Context, q *request) (any, error) {
	device, err := peer.ParseID(q.r.PathValue("device"))
	if err != nil {
		return nil, refuse(rendezvous.CodeInvalid)
	}
	if err := s.directory.signOut(ctx, q.caller.ID, device); err != nil {
		return nil, err
	}
	s.log.Info("device revoked", "user", q.caller.User, "device", device)
	return nil, nil
}

// account is the account that the path names.
func (q *request) account() (uuid.UUID, error) {
	text := q.r.PathValue("account")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return id, refuse(rendezvous.CodeInvalid)
	}
	return id, nil
}
