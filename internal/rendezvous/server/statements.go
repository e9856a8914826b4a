package server

import (
	"context"
	"database/sql"
	"sync"
)

// statements are the queries of a database, each of which is parsed once: that takes
// SQLite longer than to answer it. There are as many as in the code.
type statements struct {
	*sql.DB

	mu   sync.Mutex
	kept map[string]*sql.Stmt
}

func newStatements(db *sql.DB) *statements {
	return &statements{DB: db, kept: map[string]*sql.Stmt{}}
}

// QueryContext is the database's, for an [asker].
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

// QueryRowContext is the database's, for an [asker].
func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return s.DB.QueryRowContext(ctx, query, args...) // whose row has the error
	}
	return statement.QueryRowContext(ctx, args...)
}

func (s *statements) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.kept[query]; kept != nil {
		return kept, nil
	}
	statement, err := s.PrepareContext(ctx, query)
	if err == nil {
		s.kept[query] = statement
	}
	return statement, err
}
