import { domainToASCII } from 'node:url'
import { MuttrError } from '../base/errors.ts'
import { isHostname } from '../pod/alias.ts'

const wanted = 'Give a name that you own and will keep, as in pod.example.'

/**
 * The hostname of a pod as an operator types it: in any case, with the dot of the DNS at its end, or in letters that the DNS writes otherwise
 * (`münchen.example`).
 * @throws {MuttrError} `USAGE` for what no alias can stand at: an address, a URL, a name of this machine alone.
 */
export function readPodHostname(typed: string): string {
  const refuse = (why: string, hint = wanted): never => {
    throw new MuttrError('USAGE', `'${typed.slice(0, 80)}' is no hostname for a pod: ${why}`, {
      hint
    })
  }
  if (/[/:@\s]/.test(typed))
    return refuse('it is more than a name', 'Give the name alone, without https://, port and path.')
  const bare = typed.replace(/\.$/, '').toLowerCase()
  if (/^[\d.]+$/.test(bare)) return refuse('it is an address, and aliases stand at a name')
  const hostname = /^[!-~]+$/.test(bare) ? bare : domainToASCII(bare)
  if (!isHostname(hostname))
    return refuse('it takes letters, digits and hyphens, and dots between them')
  if (hostname === 'localhost' || hostname.endsWith('.localhost'))
    return refuse('it is another machine for everybody')
  return hostname
}
