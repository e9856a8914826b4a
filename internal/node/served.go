package node

import (
	"context"
	"errors"
	"fmt"

	"earshot/internal/rendezvous"
)

// served gives an error of the client the meaning that it has for people.
func served(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w (%v)", meaning(err), err) // its deadline is not the caller's
}

// meaning is what an error of the client comes down to.
func meaning(err error) error {
	if refused, ok := errors.AsType[*rendezvous.RefusedError](err); ok {
		if means, known := meanings[refused.Code]; known {
			return means
		}
		return ErrBadServer
	}
	for _, m := range []struct{ is, means error }{
		{rendezvous.ErrOtherKey, ErrOtherKey}, {rendezvous.ErrAnswer, ErrBadServer}, {context.Canceled, context.Canceled},
	} {
		if errors.Is(err, m.is) {
			return m.means
		}
	}
	return ErrServerAway
}

// meanings are what a server's refusals mean.
var meanings = map[rendezvous.Code]error{
	rendezvous.CodeInvalid: ErrBadServer, rendezvous.CodeUserName: ErrUserName, rendezvous.CodeTaken: ErrTaken,
	rendezvous.CodePassword: ErrPassword, rendezvous.CodeCredentials: ErrCredentials, rendezvous.CodeInvite: ErrInvite,
	rendezvous.CodeClosed: ErrClosed, rendezvous.CodeSignedOut: ErrSignedOut, rendezvous.CodeForbidden: ErrNotAdmin,
	rendezvous.CodeUnknown: ErrNoAccount, rendezvous.CodeTooMany: ErrTooMany, rendezvous.CodeUnavailable: ErrUnavailable,
	rendezvous.CodeChoose: ErrChoose, rendezvous.CodeDirectory: ErrDirectory,
}
