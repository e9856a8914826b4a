package server

import (
	"fmt"

	"earshot/internal/rendezvous"
)

// refusal is an error that the client is told.
type refusal struct {
	code rendezvous.Code
	wait int // seconds
}

func (r *refusal) Error() string { return fmt.Sprintf("refused: %s", r.code) }

func refuse(code rendezvous.Code) error { return &refusal{code: code} }
