package transfer

// aside does one thing at a time beside its owner, who waits for the last one before
// it goes. The zero aside has nothing to do.
type aside struct{ under chan error }

// begin begins something as soon as what is under way is done. It is not begun where
// that failed: the error is that of the one before.
func (a *aside) begin(do func() error) error {
	if err := a.wait(); err != nil {
		return err
	}
	a.under = make(chan error, 1)
	go func(under chan<- error) { under <- do() }(a.under)
	return nil
}

// wait waits for what is under way, and returns what came of it.
func (a *aside) wait() error {
	if a.under == nil {
		return nil
	}
	err := <-a.under
	a.under = nil
	return err
}
