package exchange

import "slices"

// operation is an operation of EWS.
type operation struct {
	request string // local name of the request element
	name    string // as in the response and the WSDL, if it differs from request
	// run returns one response message for each object of the request. An error is
	// a SOAP fault. Server.mu is held. nil: the lab does not have the operation.
	run func(*ewsRequest) ([]*elem, error)
}

// operations are the operations of Exchange 2007 SP1, complete
// (docs/protocol/exchange-ews.md#transport-and-envelope). ConvertId and those of
// delegates are new in SP1.
var operations = []operation{
	{request: "AddDelegate"},
	{request: "ConvertId", run: (*ewsRequest).convertID},
	{request: "CopyFolder"},
	{request: "CopyItem", run: (*ewsRequest).copyItem},
	{request: "CreateAttachment"},
	{request: "CreateFolder"},
	{request: "CreateItem", run: (*ewsRequest).createItem},
	{request: "CreateManagedFolder"},
	{request: "DeleteAttachment"},
	{request: "DeleteFolder"},
	{request: "DeleteItem", run: (*ewsRequest).deleteItem},
	{request: "ExpandDL"},
	{request: "FindFolder", run: (*ewsRequest).findFolder},
	{request: "FindItem", run: (*ewsRequest).findItem},
	{request: "GetAttachment", run: (*ewsRequest).getAttachment},
	{request: "GetDelegate"},
	{request: "GetEvents", run: (*ewsRequest).getEvents},
	{request: "GetFolder", run: (*ewsRequest).getFolder},
	{request: "GetItem", run: (*ewsRequest).getItem},
	{request: "GetUserAvailabilityRequest", name: "GetUserAvailability"},
	{request: "GetUserOofSettingsRequest", name: "GetUserOofSettings"},
	{request: "MoveFolder"},
	{request: "MoveItem", run: (*ewsRequest).moveItem},
	{request: "RemoveDelegate"},
	{request: "ResolveNames", run: (*ewsRequest).resolveNames},
	{request: "SendItem"},
	{request: "SetUserOofSettingsRequest", name: "SetUserOofSettings"},
	{request: "Subscribe", run: (*ewsRequest).subscribe},
	{request: "SyncFolderHierarchy", run: (*ewsRequest).syncFolderHierarchy},
	{request: "SyncFolderItems", run: (*ewsRequest).syncFolderItems},
	{request: "Unsubscribe", run: (*ewsRequest).unsubscribe},
	{request: "UpdateDelegate"},
	{request: "UpdateFolder"},
	{request: "UpdateItem", run: (*ewsRequest).updateItem},
}

func findOperation(request string) (operation, bool) {
	i := slices.IndexFunc(operations, func(o operation) bool { return o.request == request })
	if i < 0 {
		return operation{}, false
	}
	return operations[i], true
}

func known(request string) bool { _, ok := findOperation(request); return ok }

// run runs the operation of the request.
func (c *ewsRequest) run() ([]*elem, error) {
	if o, ok := findOperation(c.op); ok && o.run != nil {
		return o.run(c)
	}
	return nil, codeError("ErrorInvalidOperation", "The lab does not have this operation.")
}
