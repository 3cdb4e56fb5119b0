//go:build !mutation

package mutation

// Active is false: the calls vanish in compilation.
func Active(string) bool { return false }
