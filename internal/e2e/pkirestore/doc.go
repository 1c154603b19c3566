// Package pkirestore loses the files of a real node and gets them back from a sealed bundle.
package pkirestore
