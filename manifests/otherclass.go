package manifests

// OtherClass is what the object of an entry may be of although its Class, as far as metadata tells, is another; or empty if
// it can be of no other. That a pod or a job has ended is in its status, and what the account of a namespace may pull is in
// none of its metadata. An entry with a hash was made of the whole object, so that its Class is certain.
func (e Entry) OtherClass() Class {
	ends := e.Group == "" && e.Resource == "pods" || e.Group == "batch" && e.Resource == "jobs"
	account := e.Group == "" && e.Resource == "serviceaccounts" && e.Name == "default"
	switch {
	case e.Hash != "":
		return ""
	case ends && (e.Class == User || e.Class == Bootstrap):
		return Completed
	case account && e.Class == Bootstrap:
		return User
	}
	return ""
}
