import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom as random } from '../../../src/net/random.ts'
import { freePorts } from '../../../src/nodes/free-ports.ts'
import { localPair } from '../../support/thin-network.ts'
import type { Program } from './program.ts'
import { listening, run } from './program.ts'

export const prosodyNeeds = { prosody: '/usr/bin/prosody' }
export const xmppPassword = 'of no worth'

export interface Prosody extends Program {
  /** Without TLS, as from a proxy that speaks it; and with it. */
  readonly ports: { plain: number; tls: number }
  /** Who vouches for it. */
  readonly ca: string
}

/** Prosody with accounts `p0` to `pN-1` at `localhost`, and the modules that Debian turns on for them. */
export async function startProsody(folder: string, users: number): Promise<Prosody> {
  const { ca, pair } = await localPair()
  const [plain, tls] = (await freePorts(2, random)) as [number, number]
  const at = (name: string) => join(folder, name)
  const accounts = at('data/localhost/accounts')
  await mkdir(accounts, { recursive: true })
  await writeFile(at('cert.pem'), pair.certificate)
  await writeFile(at('key.pem'), pair.key)
  for (let n = 0; n < users; n++)
    await writeFile(join(accounts, `p${n}.dat`), `return { password = "${xmppPassword}" };\n`)
  await writeFile(
    at('prosody.cfg.lua'),
    `run_as_root = true
pidfile = "${at('prosody.pid')}"
data_path = "${at('data')}"
log = { error = "${at('prosody.log')}" }
modules_enabled = { "disco"; "roster"; "saslauth"; "tls"; "blocklist"; "bookmarks"; "carbons"; "pep"; "private";
  "smacks"; "vcard4"; "vcard_legacy"; "ping"; "register"; "time"; "uptime"; "version" }
modules_disabled = { "s2s" }
authentication = "internal_plain"
storage = "internal"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
interfaces = { "127.0.0.1" }
c2s_ports = { ${plain} }
c2s_direct_tls_ports = { ${tls} }
c2s_direct_tls_ssl = { certificate = "${at('cert.pem')}"; key = "${at('key.pem')}" }
ssl = { certificate = "${at('cert.pem')}"; key = "${at('key.pem')}" }
VirtualHost "localhost"
`
  )
  const program = run(prosodyNeeds.prosody, ['-F', '--config', at('prosody.cfg.lua')])
  await Promise.all([listening(plain), listening(tls)])
  return { ...program, ports: { plain, tls }, ca }
}
