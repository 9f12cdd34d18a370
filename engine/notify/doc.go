// Package notify tells others what happened.
package notify
