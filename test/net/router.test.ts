import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeOf } from '../../src/base/errors.ts'
import { readRoutes } from '../../src/net/reach/gateway.ts'
import { readExternalAddress, readMapping } from '../../src/net/reach/nat-pmp.ts'
import { readLocation, readService } from '../../src/net/reach/upnp.ts'

const router = '192.168.1.1'
const answer = (location: string) =>
  `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: x\r\nLocation: ${location}\r\n\r\n`
const at = new URL(`http://${router}:5000/rootDesc.xml`)
const service = (type: string, control: string) =>
  `<service><serviceType>${type}</serviceType><serviceId>x</serviceId><controlURL>${control}</controlURL></service>`
const wan = 'urn:schemas-upnp-org:service:WANIPConnection:1'

describe('a router', () => {
  it('is the gateway of a default route', () => {
    const head = 'Iface\tDestination\tGateway \tFlags\n'
    const lines = [
      'eth0\t00000000\t0101A8C0\t0003',
      'eth0\t0001A8C0\t00000000\t0001',
      'tun0\t00000000\t00000000\t0001',
      'eth1\t00000000\tnonsense\t0003'
    ]
    assert.deepEqual(readRoutes(head + lines.join('\n')), ['192.168.1.1'])
    fc.assert(fc.property(fc.string(), text => Array.isArray(readRoutes(text))))
  })

  it('is believed about itself alone: its description and its control are at its own address', () => {
    assert.equal(readLocation(answer(at.href), router)?.href, at.href)
    for (const wrong of [
      'http://192.168.1.2:5000/',
      'http://127.0.0.1:22/',
      'https://192.168.1.1/',
      'file:///etc/passwd',
      'http://192.168.1.1@evil.test/',
      'nonsense'
    ])
      assert.equal(readLocation(answer(wrong), router), undefined, wrong)
    assert.equal(readLocation(answer(at.href).replace('200', '404'), router), undefined)
    const described = readService(`<root>${service('other', '/a')}${service(wan, '/ctl')}`, at)
    assert.deepEqual(described, { type: wan, control: new URL('/ctl', at) })
    for (const wrong of ['http://127.0.0.1/ctl', '//evil.test/ctl', 'ftp://192.168.1.1/ctl'])
      assert.equal(readService(service(wan, wrong), at), undefined, wrong)
  })

  it('may describe itself in any bytes', () => {
    const piece = fc.constantFrom(
      '<service>',
      '</service>',
      `<serviceType>${wan}</serviceType>`,
      '<controlURL>',
      '</controlURL>',
      'http://',
      '/x'
    )
    const any = fc.oneof(
      fc.string({ maxLength: 2_000 }),
      fc.array(piece).map(pieces => pieces.join(''))
    )
    fc.assert(
      fc.property(any, xml => {
        const found = readService(xml, at)
        assert(found === undefined || found.control.hostname === router)
        readLocation(xml, router)
      })
    )
  })

  it('answers NAT-PMP in a few bytes, or not', () => {
    const address = Uint8Array.of(0, 128, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4)
    assert.equal(readExternalAddress(address), '1.2.3.4')
    const mapping = Uint8Array.of(
      0,
      130,
      0,
      0,
      0,
      0,
      0,
      1,
      0x11,
      0x44,
      0x11,
      0x45,
      0,
      0,
      0x0e,
      0x10
    )
    assert.deepEqual(readMapping(mapping), {
      internalPort: 4420,
      externalPort: 4421,
      lifeSeconds: 3600
    })
    assert.equal(readMapping(address), undefined, 'of another question')
    const refused = Uint8Array.from(mapping)
    refused[3] = 2
    assert.throws(() => readMapping(refused), { code: 'PEER_REFUSED' })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), packet => {
        for (const read of [readExternalAddress, readMapping])
          try {
            read(packet)
          } catch (err) {
            assert.equal(codeOf(err), 'PEER_REFUSED')
          }
      })
    )
  })
})
