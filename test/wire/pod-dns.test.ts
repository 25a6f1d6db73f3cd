import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodePodTxt, encodePodTxt, podRecords, podService } from '../../src/wire/pod-dns.ts'

const peer = '12D3KooWMLJQESN5aAwZ1GwD5AKJjkPeB6F6kFitawPotYqjhvVj'
const fingerprint = 'ab'.repeat(20)

describe('a pod in the DNS', () => {
  it('is found under one name, with what the operator must publish', () => {
    const records = podRecords({
      ...{ hostname: 'pod.example', port: 4420, peer, fingerprint, openpgpkey: true },
      addresses: ['192.0.2.7', '2001:db8::7']
    })
    assert.deepEqual(
      records.map(({ name, type, value }) => `${name} ${type} ${value}`),
      [
        'pod.example A 192.0.2.7',
        'pod.example AAAA 2001:db8::7',
        '_muttr._tcp.pod.example SRV 0 0 4420 pod.example',
        `_muttr._tcp.pod.example TXT v=muttr1; id=${peer}; fp=${fingerprint}`,
        'openpgpkey.pod.example CNAME pod.example'
      ]
    )
    assert.equal(podService('pod.example'), '_muttr._tcp.pod.example')
  })

  it('comes back as it was published, and fits one string of a record', () => {
    const longest = { peer: peer.padEnd(64, 'a'), fingerprint: 'cd'.repeat(32) }
    for (const txt of [{ peer, fingerprint }, longest]) {
      assert.deepEqual(decodePodTxt(encodePodTxt(txt)), txt)
      assert(encodePodTxt(txt).length <= 255)
    }
  })

  it('is read with other fields, in any order and case of the fingerprint', () => {
    const text = `v=muttr1;x=1; fp=${fingerprint.toUpperCase()} ;id=${peer};`
    assert.deepEqual(decodePodTxt(text), { peer, fingerprint })
  })

  const others = [
    '',
    'v=spf1 -all',
    `v=muttr2; id=${peer}; fp=${fingerprint}`,
    `id=${peer}; v=muttr1; fp=${fingerprint}`,
    `v=muttr1; fp=${fingerprint}`,
    `v=muttr1; id=${peer}`,
    `v=muttr1; id=${peer}; fp=${fingerprint}0`,
    `v=muttr1; id=../../x; fp=${fingerprint}`,
    `v=muttr1; id=${peer}; fp=${fingerprint}; ${'x'.repeat(1_024)}`
  ]
  for (const text of others)
    it(`is not ${text.slice(0, 40) || 'nothing'}`, () => {
      assert.equal(decodePodTxt(text), undefined)
    })

  it('meets any text with a pod or nothing', () => {
    fc.assert(fc.property(fc.string(), text => void decodePodTxt(`v=muttr1;${text}`)))
  })
})
