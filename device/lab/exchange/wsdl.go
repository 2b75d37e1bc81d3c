package exchange

import "strings"

// wsdl is the description that a GET of EWS shows (R9.3): written here, it names
// each operation of 2007 SP1 and where the service is, and no types.
func wsdl(address string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="` + nsMessages + `" targetNamespace="` + nsMessages + `">
<wsdl:types><xs:schema targetNamespace="` + nsMessages + `" elementFormDefault="qualified">`)
	operations := strings.Fields(of2007)
	for i, op := range operations {
		operations[i] = strings.TrimSuffix(op, "Request")
		b.WriteString(`
<xs:element name="` + op + `"/><xs:element name="` + operations[i] + `Response"/>`)
	}
	b.WriteString("\n</xs:schema></wsdl:types>")
	for i, op := range operations {
		b.WriteString(`
<wsdl:message name="` + op + `SoapIn"><wsdl:part name="request" element="tns:` + strings.Fields(of2007)[i] + `"/></wsdl:message>
<wsdl:message name="` + op + `SoapOut"><wsdl:part name="` + op + `Result" element="tns:` + op + `Response"/></wsdl:message>`)
	}
	b.WriteString("\n" + `<wsdl:portType name="ExchangeServicePortType">`)
	for _, op := range operations {
		b.WriteString(`
<wsdl:operation name="` + op + `"><wsdl:input message="tns:` + op + `SoapIn"/><wsdl:output message="tns:` + op + `SoapOut"/></wsdl:operation>`)
	}
	b.WriteString("\n" + `</wsdl:portType>
<wsdl:binding name="ExchangeServiceBinding" type="tns:ExchangeServicePortType"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>`)
	for _, op := range operations {
		b.WriteString(`
<wsdl:operation name="` + op + `"><soap:operation soapAction="` + nsMessages + "/" + op + `"/><wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>`)
	}
	b.WriteString(`
</wsdl:binding>
<wsdl:service name="ExchangeServices"><wsdl:port name="ExchangeServicePort" binding="tns:ExchangeServiceBinding"><soap:address location="` + address + `"/></wsdl:port></wsdl:service>
</wsdl:definitions>
`)
	return b.String()
}
