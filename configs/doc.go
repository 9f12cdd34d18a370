// Package configs holds the configuration: its types, its defaults, and the loading of YAML files and environment
// variables with errors that say line, column and what was probably meant.
package configs
