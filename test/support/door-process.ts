import { readFile } from 'node:fs/promises'
import { directoryRoom } from '../../src/https/directory.ts'
import { openDoor } from '../../src/https/open.ts'
import { armorCertificate } from '../../src/keys/certificate.ts'
import { personNamed, podWorld, random } from './pod-world.ts'

/**
 * A pod with alice and bob, its door open on port 443 with the certificate files given: `node door-process.ts CERTIFICATE KEY`. Prints its
 * certificate and their fingerprints when it answers.
 */
const [certificateFile = '', keyFile = ''] = process.argv.slice(2)
const certificate = await readFile(certificateFile, 'utf8')
const key = await readFile(keyFile, 'utf8')
const world = podWorld(Date.now() - 60_000)
const host = await world.host()
const fingerprints: Record<string, string> = {}
for (const name of ['alice', 'bob']) {
  const { person, enter } = await world.device(await personNamed(name))
  await (await enter(host)).register(name, person.certificate)
  fingerprints[name] = person.certificate.fingerprint
}
const none = () => Promise.reject(new Error('none'))
await openDoor({
  https: { mode: 'files', httpPort: 0, openpgpkey: false, acme: { directory: '' } },
  hostname: host.hostname,
  rooms: [directoryRoom({ pod: host.pod, addresses: () => [], isOpen: true, clock: world.clock })],
  groupLocal: false,
  files: {
    given: async () => ({ certificate, key }),
    ...{ trust: none, ordered: none, keepOrdered: none, accountKey: none }
  },
  clock: world.clock,
  random,
  log: { debug() {}, info() {}, warn: (...said) => console.error(...said) }
})
const pod = armorCertificate(host.person.certificate)
process.stdout.write(`${JSON.stringify({ pod, fingerprints })}\n`)
