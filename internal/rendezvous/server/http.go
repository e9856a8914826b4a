package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// access is who may use an endpoint.
type access int

const (
	anybody  access = iota
	choosing        // devices of an account, also one that has to choose a password
	signedIn        // devices of an account
	admins          // those of an administrator
)

// endpoint answers one request; nil is an answer without a body.
type endpoint func(ctx context.Context, q *request) (any, error)

// request is a request whose device is proved, and known where the endpoint wants
// that.
type request struct {
	w       http.ResponseWriter
	r       *http.Request
	device  peer.ID
	address netip.Addr
	caller  caller // zero: anybody
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, route := range []struct {
		pattern string
		access  access
		answer  endpoint
	}{
		{"POST /v1/accounts", anybody, s.register},
		{"POST /v1/login", anybody, s.logIn},
		{"POST /v1/logout", choosing, s.logOut},
		{"GET /v1/me", choosing, s.me},
		{"PATCH /v1/me", signedIn, s.changeMe},
		{"PUT /v1/me/password", choosing, s.changePassword},
		{"GET /v1/me/devices", signedIn, s.myDevices},
		{"DELETE /v1/me/devices/{device}", signedIn, s.revokeDevice},
		{"GET /v1/accounts", signedIn, s.search},
		{"GET /v1/friends", signedIn, s.friends},
		{"POST /v1/friends", signedIn, s.askFriend},
		{"PUT /v1/friends/{account}", signedIn, s.acceptFriend},
		{"DELETE /v1/friends/{account}", signedIn, s.removeFriend},
		{"PUT /v1/blocks/{account}", signedIn, s.block},
		{"DELETE /v1/blocks/{account}", signedIn, s.unblock},
		{"POST /v1/heartbeat", signedIn, s.heartbeat},
		{"GET /v1/admin/online", admins, s.adminOnline},
		{"GET /v1/admin/accounts", admins, s.adminAccounts},
		{"POST /v1/admin/accounts/{account}/kick", admins, s.adminKick},
		{"POST /v1/admin/accounts/{account}/disable", admins, s.adminDisable},
		{"POST /v1/admin/accounts/{account}/enable", admins, s.adminEnable},
		{"POST /v1/admin/accounts/{account}/reset", admins, s.adminReset},
		{"POST /v1/admin/invites", admins, s.adminInvite},
		{"POST /v1/admin/import", admins, s.adminImport},
		{"/", anybody, func(context.Context, *request) (any, error) { return nil, refuse(rendezvous.CodeUnknown) }},
	} {
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			s.answer(w, r, route.access, route.answer)
		})
	}
	return mux
}

// connKey finds the connection in a request's context.
type connKey struct{}

// keepConn has requests know their connection.
func keepConn(ctx context.Context, conn net.Conn) context.Context {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, conn)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, a access, f endpoint) {
	q := &request{w: w, r: r}
	if conn, ok := r.Context().Value(connKey{}).(*gated); ok {
		q.address = remote(conn)
	}
	var result any
	err := s.admit(r.Context(), q, a)
	if err == nil {
		result, err = f(r.Context(), q)
	}
	if err != nil {
		s.fail(q, err)
		return
	}
	status := http.StatusOK
	if result == nil {
		status = http.StatusNoContent
	}
	s.counters.answered(status)
	q.write(status, result)
}

// admit finds out who asks, and refuses whom the endpoint is not for, or who asks
// too often.
func (s *Server) admit(ctx context.Context, q *request, a access) (err error) {
	if q.device, err = peer.ProvedKey(*q.r.TLS); err != nil {
		return refuse(rendezvous.CodeInvalid)
	}
	if a == anybody {
		return s.strangers.take(network(q.address))
	}
	asked := s.gate.turns.ask()
	q.caller, err = s.directory.caller(ctx, q.device)
	asked()
	if errors.Is(err, errNone) {
		if err := s.strangers.take(network(q.address)); err != nil {
			return err
		}
		return refuse(rendezvous.CodeSignedOut)
	}
	if err != nil {
		return err
	}
	if err := q.known(); err != nil {
		return err
	}
	if q.r.URL.Path == "/v1/heartbeat" {
		err = s.beats.take(q.device)
	} else {
		err = s.requests.take(q.device)
	}
	switch {
	case err != nil:
		return err
	case q.caller.reset != ownPassword && a > choosing:
		return refuse(rendezvous.CodeChoose)
	case a == admins && !q.caller.Admin:
		s.log.Warn("an administrator's command of somebody who is none", "user", q.caller.User, "path", q.r.URL.Path, "from", q.address)
		return refuse(rendezvous.CodeForbidden)
	}
	return nil
}

// known says that the device of this connection has signed in, and refuses one
// connection too many.
func (q *request) known() error {
	conn, ok := q.r.Context().Value(connKey{}).(*gated)
	if !ok || conn.known(q.device) {
		return nil
	}
	q.w.Header().Set("Connection", "close")
	return &refusal{code: rendezvous.CodeTooMany, wait: seconds(idleTime)}
}

// strict refuses what two readers could read differently, and fields that there are
// not.
var strict = json.RejectUnknownMembers(true)

// read reads the body, one JSON value of at most limit bytes.
func (q *request) read(limit int64, into any) error {
	body, err := q.body(limit)
	if err == nil && json.Unmarshal(body, into, strict) != nil {
		err = refuse(rendezvous.CodeInvalid)
	}
	return err
}

// body is the body of the request, at most limit bytes.
func (q *request) body(limit int64) ([]byte, error) {
	control := http.NewResponseController(q.w)
	if err := control.SetReadDeadline(time.Now().Add(bodyTime)); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(q.w, q.r.Body, limit))
	if err != nil || control.SetReadDeadline(time.Time{}) != nil { // else a held heartbeat would end by it
		return nil, refuse(rendezvous.CodeInvalid)
	}
	return body, nil
}

// write answers. Who does not read is dropped after writeTime.
func (q *request) write(status int, v any) {
	var body bytes.Buffer
	if v != nil {
		if err := json.MarshalWrite(&body, v); err != nil {
			status = http.StatusInternalServerError
			body.Reset()
		}
		q.w.Header().Set("Content-Type", "application/json")
		q.w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	}
	if http.NewResponseController(q.w).SetWriteDeadline(time.Now().Add(writeTime)) != nil {
		return
	}
	q.w.WriteHeader(status)
	_, _ = q.w.Write(body.Bytes()) // whoever asked is gone
}

// statuses are those of HTTP for each code.
var statuses = map[rendezvous.Code]int{
	rendezvous.CodeInvalid: http.StatusBadRequest, rendezvous.CodeUserName: http.StatusUnprocessableEntity,
	rendezvous.CodePassword: http.StatusUnprocessableEntity, rendezvous.CodeTaken: http.StatusConflict,
	rendezvous.CodeCredentials: http.StatusUnauthorized, rendezvous.CodeSignedOut: http.StatusUnauthorized,
	rendezvous.CodeInvite: http.StatusForbidden, rendezvous.CodeClosed: http.StatusForbidden,
	rendezvous.CodeForbidden: http.StatusForbidden, rendezvous.CodeChoose: http.StatusForbidden,
	rendezvous.CodeUnknown: http.StatusNotFound, rendezvous.CodeTooMany: http.StatusTooManyRequests,
	rendezvous.CodeUnavailable: http.StatusServiceUnavailable, rendezvous.CodeDirectory: http.StatusForbidden,
}

// fail says why a request is refused. What is wrong with this side is logged, and
// told only as such.
func (s *Server) fail(q *request, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{code: rendezvous.CodeUnavailable, wait: 5}
		if q.r.Context().Err() == nil {
			s.log.Error("a request failed", "path", q.r.Pattern, "why", err)
		}
	}
	if r.wait > 0 {
		q.w.Header().Set("Retry-After", strconv.Itoa(r.wait))
		if q.caller.ID == uuid.Nil {
			q.w.Header().Set("Connection", "close") // a stranger does not wait here
		}
	}
	if q.r.Context().Err() == nil { // else nobody hears it
		s.counters.answered(statuses[r.code])
	}
	q.write(statuses[r.code], rendezvous.Problem{Code: r.code, Wait: r.wait})
}
