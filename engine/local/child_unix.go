//go:build unix && !linux

package local

import "syscall"

// childAttributes puts a child into its own process group. Systems without a parent-death signal rely on run.json: the
// next start ends what a killed parent left.
func childAttributes(a *syscall.SysProcAttr) *syscall.SysProcAttr {
	if a == nil {
		a = &syscall.SysProcAttr{}
	}
	a.Setpgid = true
	return a
}
