package engine

import "time"

// Clock gives the time. It is injected everywhere, so that tests can hold time still.
type Clock interface {
	// Now gives the current time in UTC.
	Now() time.Time
}

// SystemClock is the clock of the machine; the only place of the product that calls time.Now.
type SystemClock struct{}

// Now gives the machine's time in UTC.
func (SystemClock) Now() time.Time { return time.Now().UTC() }
