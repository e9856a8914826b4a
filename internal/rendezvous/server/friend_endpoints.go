package server

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
)

func (s *Server) search(ctx context.Context, q *request) (any, error) {
	text := strings.TrimSpace(q.r.URL.Query().Get("q"))
	if text == "" || len(text) > maxQuery {
		return nil, refuse(rendezvous.CodeInvalid)
	}
	return s.directory.search(ctx, q.caller.ID, text)
}

func (s *Server) friends(ctx context.Context, q *request) (any, error) {
	list, err := s.directory.friends(ctx, q.caller.ID, s.config.Roster)
	if list == nil {
		list = []rendezvous.Friend{}
	}
	return list, err
}

// askFriend says yes to whoever has that user name.
func (s *Server) askFriend(ctx context.Context, q *request) (any, error) {
	var in rendezvous.Request
	if err := q.read(maxBody, &in); err != nil {
		return nil, err
	}
	user, err := foldUser(in.User)
	if err != nil {
		return nil, refuse(rendezvous.CodeUnknown)
	}
	other, err := s.directory.byUser(ctx, user)
	return s.befriend(ctx, q, other, err)
}

func (s *Server) acceptFriend(ctx context.Context, q *request) (any, error) {
	id, err := q.account()
	if err != nil {
		return nil, err
	}
	other, err := s.directory.byID(ctx, id)
	return s.befriend(ctx, q, other, err)
}

// befriend says yes to an account that was looked up with that error.
func (s *Server) befriend(ctx context.Context, q *request, other account, err error) (any, error) {
	if errors.Is(err, errNone) || other.disabled {
		return nil, refuse(rendezvous.CodeUnknown)
	}
	if err == nil {
		err = s.directory.befriend(ctx, q.caller.ID, other.ID)
	}
	if err != nil {
		return nil, err
	}
	f, err := s.directory.friend(ctx, q.caller.ID, other.ID, s.config.Roster)
	if errors.Is(err, errNone) { // it was taken back meanwhile
		err = refuse(rendezvous.CodeUnknown)
	}
	return f, err
}

func (s *Server) removeFriend(ctx context.Context, q *request) (any, error) {
	return s.with(ctx, q, func(other uuid.UUID) error { return s.directory.part(ctx, q.caller.ID, other) })
}

func (s *Server) block(ctx context.Context, q *request) (any, error) {
	return s.with(ctx, q, func(other uuid.UUID) error { return s.directory.block(ctx, q.caller.ID, other, true) })
}

func (s *Server) unblock(ctx context.Context, q *request) (any, error) {
	return s.with(ctx, q, func(other uuid.UUID) error { return s.directory.block(ctx, q.caller.ID, other, false) })
}

// with calls f with the account that the path names, where there is one.
func (s *Server) with(ctx context.Context, q *request, f func(uuid.UUID) error) (any, error) {
	id, err := q.account()
	if err == nil {
		_, err = s.directory.byID(ctx, id)
	}
	if errors.Is(err, errNone) {
		err = refuse(rendezvous.CodeUnknown)
	}
	if err == nil {
		err = f(id)
	}
	return nil, err
}
