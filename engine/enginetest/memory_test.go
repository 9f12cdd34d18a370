package enginetest

import "testing"

func TestMemoryStorePassesTheExam(t *testing.T) {
	Exam(t, func(*testing.T) Store { return Store{&MemoryStore{}, "exam"} })
}

func TestMemoryStoreAgreesWithItself(t *testing.T) {
	ExamRandom(t, Store{&MemoryStore{}, "random"})
}
