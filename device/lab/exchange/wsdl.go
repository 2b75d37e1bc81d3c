package exchange

import (
	"cmp"
	"strings"
)

// wsdl returns the description that a GET of EWS returns (R9.3). It has every
// operation of 2007 SP1 and the address of the service, but no types.
func wsdl(address string) string {
	var b strings.Builder
	each := func(template string) {
		for _, o := range operations {
			b.WriteString(strings.NewReplacer("REQUEST", o.request, "OP", cmp.Or(o.name, o.request)).Replace(template))
		}
	}
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"` +
		` xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="` + nsMessages + `" targetNamespace="` + nsMessages + `">
<wsdl:types><xs:schema targetNamespace="` + nsMessages + `" elementFormDefault="qualified">`)
	each(`
<xs:element name="REQUEST"/><xs:element name="OPResponse"/>`)
	b.WriteString("\n</xs:schema></wsdl:types>")
	each(`
<wsdl:message name="OPSoapIn"><wsdl:part name="request" element="tns:REQUEST"/></wsdl:message>
<wsdl:message name="OPSoapOut"><wsdl:part name="OPResult" element="tns:OPResponse"/></wsdl:message>`)
	b.WriteString("\n" + `<wsdl:portType name="ExchangeServicePortType">`)
	each(`
<wsdl:operation name="OP"><wsdl:input message="tns:OPSoapIn"/><wsdl:output message="tns:OPSoapOut"/></wsdl:operation>`)
	b.WriteString("\n" + `</wsdl:portType>
<wsdl:binding name="ExchangeServiceBinding" type="tns:ExchangeServicePortType">` +
		`<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>`)
	each(`
<wsdl:operation name="OP"><soap:operation soapAction="` + nsMessages + `/OP"/>` +
		`<wsdl:input><soap:body use="literal"/></wsdl:input>` +
		`<wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>`)
	b.WriteString(`
</wsdl:binding>
<wsdl:service name="ExchangeServices"><wsdl:port name="ExchangeServicePort" binding="tns:ExchangeServiceBinding">` +
		`<soap:address location="` + address + `"/></wsdl:port></wsdl:service>
</wsdl:definitions>
`)
	return b.String()
}
