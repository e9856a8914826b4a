package ui

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestADriveThatNeverAnswersHoldsOneLook(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		begun, answer := 0, make(chan struct{})
		hung := func(ctx context.Context) func() {
			inTime(ctx, k.c, func() []file { begun++; <-answer; return nil })
			return nil
		}
		for range 50 {
			k.c.looks.push(hung)
		}
		<-time.After(lookAt)
		k.rest()
		if begun != 1 {
			t.Errorf("%d looks at the same time, want one", begun)
		}
		k.keys("F5")
		k.asked("Look", "")
		close(answer)
		k.rest()
		found, _ := inTime(context.Background(), k.c, func() []file { return []file{{path: "/there"}} })
		if len(found) != 1 {
			t.Error("no look after the drive answered")
		}
	})
}

func TestAPanicOfALookEndsTheConsole(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.c.looks.push(func(ctx context.Context) func() {
			inTime(ctx, k.c, func() []file { panic(errPanic) })
			return nil
		})
		k.rest()
		if err := k.ended(); !errors.Is(err, errPanic) {
			t.Errorf("Run = %v, want the panic", err)
		}
	})
}

func TestRelativePathsAreOfThisFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	want, err := filepath.Abs("plan.pdf")
	if err != nil {
		t.Fatal(err)
	}
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter", "/send plan.pdf", "Enter")
		k.asked("Offer", want)
		k.keys("/send ''", "Enter")
		k.asked("Offer", want)
		k.shows("These files cannot be sent: a path is empty.")
	})
}
