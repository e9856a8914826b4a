package node

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits of a file of people.
const (
	MaxAccountsFile = 4 << 20 // bytes
	MaxAccounts     = 10_000
)

// What can be wrong with a file of people.
var (
	ErrNotPeople    = errors.New("is not USER,NAME,TEAM")
	ErrNotUTF8      = errors.New("is not in UTF-8")
	ErrTooManyLines = fmt.Errorf("more than %d people, or %d MiB", MaxAccounts, MaxAccountsFile>>20)
)

// A LineError says which line of a file of people is wrong, counted from 1.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// ReadAccounts reads a file of people: CSV in UTF-8, on each line a user name, a name
// and a team, of which the last two may be missing. A first line that begins with
// "user" is skipped. The error is a [*LineError], [ErrTooManyLines], or one of in.
func ReadAccounts(in io.Reader) ([]NewAccount, error) {
	bounded := &io.LimitedReader{R: in, N: MaxAccountsFile + 1}
	r := csv.NewReader(bounded)
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	var people []NewAccount
	for {
		fields, err := r.Read()
		if bounded.N == 0 || len(people) > MaxAccounts { // else the end of the list would be missing
			return nil, ErrTooManyLines
		}
		if errors.Is(err, io.EOF) {
			return people, nil
		}
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, &LineError{wrong.Line, ErrNotPeople}
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		one, err := readAccount(fields, line == 1)
		switch {
		case err != nil:
			return nil, &LineError{line, err}
		case line == 1 && strings.EqualFold(one.User, "user"):
		default:
			people = append(people, one)
		}
	}
}

// readAccount reads one line.
func readAccount(fields []string, first bool) (NewAccount, error) {
	if first {
		fields[0] = strings.TrimPrefix(fields[0], "\ufeff") // spreadsheets write it
	}
	if !utf8.ValidString(strings.Join(fields, "")) {
		return NewAccount{}, ErrNotUTF8
	}
	user := strings.TrimSpace(fields[0])
	if len(fields) > 3 || user == "" {
		return NewAccount{}, ErrNotPeople
	}
	fields = append(fields, "", "")
	return NewAccount{User: user, Name: fields[1], Team: fields[2]}, nil
}
