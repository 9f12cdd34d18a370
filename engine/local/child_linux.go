package local

import "syscall"

// childAttributes puts a child into its own process group and ends it with its parent.
func childAttributes(a *syscall.SysProcAttr) *syscall.SysProcAttr {
	if a == nil {
		a = &syscall.SysProcAttr{}
	}
	a.Setpgid = true
	a.Pdeathsig = syscall.SIGTERM
	return a
}
