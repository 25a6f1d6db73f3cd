import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

interface TestCertificate {
  readonly certificate: string
  readonly key: string
}

/** A certification authority of a test's own, made by OpenSSL. */
export interface TestCa {
  /** Its certificate, PEM, and where it lies. */
  readonly certificate: string
  readonly file: string
  /** @returns a certificate for the names, DNS or IP, and its key. */
  issue(names: readonly string[], days?: number): Promise<TestCertificate>
}

const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export async function testCa(folder: string): Promise<TestCa> {
  const path = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => run('openssl', args)
  const [caKey, file] = [path('ca.key'), path('ca.pem')]
  await openssl(
    'req',
    '-x509',
    ...ec,
    '-keyout',
    caKey,
    '-out',
    file,
    '-subj',
    '/CN=test',
    '-days',
    '30'
  )
  let issued = 0
  return {
    file,
    certificate: await readFile(file, 'utf8'),
    async issue(names, days = 10) {
      const name = `issued-${issued++}`
      const [key, csr, out, extensions] = ['key', 'csr', 'pem', 'ext'].map(end =>
        path(`${name}.${end}`)
      )
      const alternatives = names.map(n => (/^[\d.]+$/.test(n) ? `IP:${n}` : `DNS:${n}`))
      await writeFile(extensions!, `subjectAltName=${alternatives}\n`)
      await openssl('req', '-new', ...ec, '-keyout', key!, '-out', csr!, '-subj', '/CN=issued')
      await openssl(
        ...['x509', '-req', '-in', csr!, '-CA', file, '-CAkey', caKey, '-CAcreateserial'],
        ...['-out', out!, '-days', String(days), '-extfile', extensions!]
      )
      return { certificate: await readFile(out!, 'utf8'), key: await readFile(key!, 'utf8') }
    }
  }
}
