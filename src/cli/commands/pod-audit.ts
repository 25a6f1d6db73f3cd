import type { Command } from 'commander'
import type { AuditCheck, AuditEntry } from '../../pod/office/audit.ts'
import { example } from '../example.ts'
import { listMax } from '../ids.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { pairs, table } from '../text.ts'
import { formatTime, parseCount, usage } from '../units.ts'

interface AuditArgs {
  limit?: string
  before?: string
  verify?: boolean | string
}

export function addPodAudit(pod: Command, action: Action): void {
  example(
    pod
      .command('audit')
      .description('what operators did here, newest first')
      .option('--limit <count>', 'at most so many; 100 unless told')
      .option('--before <number>', 'only entries before this one')
      .option('--verify [hash]', 'go through the chain instead; with a hash, see that it is in it')
      .action(action(audit)),
    'muttr pod audit --home /srv/pod',
    'muttr pod audit --home /srv/pod --json --limit 10000 > audit.jsonl',
    'muttr pod audit --home /srv/pod --verify'
  )
}

/** @returns the exit status: 2 where the chain is broken, or does not hold the hash. */
async function audit(session: Session, options: AuditArgs): Promise<number> {
  const { limit, before, verify } = options
  if (verify !== undefined && (limit !== undefined || before !== undefined))
    throw usage('--verify goes through all of it')
  if (typeof verify === 'string' && !/^[0-9a-f]{64}$/.test(verify))
    throw usage(`'${verify}' is not the hash of an entry`)
  return await session.withPod(async pod => {
    if (verify !== undefined) {
      const found = await pod.checkAudit(verify === true ? undefined : (verify as string))
      await session.out.result(found, out => checkText(out, found))
      return found.brokenAt === null && found.found !== false ? 0 : 2
    }
    const entries = await pod.audit({
      ...(limit !== undefined && { limit: parseCount(limit, 1, listMax) }),
      ...(before !== undefined && { before: parseCount(before, 1, 999_999_999) })
    })
    await session.out.results(entries, out => auditText(out, entries))
    return 0
  })
}

function auditText(out: Output, entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'Nothing was done yet.'
  return table({
    ...out,
    heads: ['NO', 'TIME', 'WHO', 'WHAT', 'TO', 'DETAIL'],
    rows: entries.map(({ sequence, atMs, by, action, subject, detail }) => [
      String(sequence),
      formatTime(atMs, out.nowMs),
      by.kind === 'operator' ? by.name : `account ${by.name.slice(0, 8)}`,
      action,
      subject.length > 40 ? subject.slice(0, 8) : subject,
      detail
    ])
  })
}

const checkText = ({ style }: Output, found: AuditCheck): string =>
  [
    found.brokenAt === null
      ? `${style.good('✓')} ${found.entries} entries, from ${found.from}: each follows the one before.`
      : `${style.bad('✗')} The chain breaks at entry ${found.brokenAt}: something was changed or taken out.`,
    ...(found.found === false ? [`${style.bad('✗')} The hash is not in it.`] : []),
    pairs(style, [['head', found.head]])
  ].join('\n')
