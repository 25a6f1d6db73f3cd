import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { AuditCheck, AuditEntry } from '../../../pod/office/audit.ts'
import { attempt } from '../../data/toasts.ts'
import { Button, Empty } from '../../parts/basics.tsx'
import { Icon } from '../../parts/icons.tsx'
import { Safe } from '../../text/safe.tsx'
import { get } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { Desk, Known, Line, Table, Time } from '../parts/desk.tsx'

const pageRows = 100

export function Audit(): JSX.Element {
  const wanted = useSignal('')
  const older = useSignal<readonly AuditEntry[]>([])
  const isAll = useSignal(false)
  const first = useLoad(() => get<AuditEntry[]>('pod/audit', { limit: pageRows }))
  const check = useLoad(() => get<AuditCheck>('pod/audit/check'))
  return (
    <Desk
      title="What was done"
      tools={
        <Line
          label="Filter"
          type="search"
          value={wanted.value}
          onValue={value => (wanted.value = value)}
        />
      }
    >
      <Known of={check}>{found => <Chain found={found} />}</Known>
      <Known of={first}>
        {entries => {
          const from = entries.at(-1)?.sequence ?? 0
          const known = [...entries, ...older.value.filter(({ sequence }) => sequence < from)]
          const shown = known.filter(entry => fits(entry, wanted.value))
          const last = known.at(-1)?.sequence ?? 0
          return (
            <>
              {shown.length === 0 ? (
                <Empty icon="clock" title="Nothing like that" />
              ) : (
                <Table label="What was done" heads={['No', 'Time', 'Who', 'What', 'To', 'Detail']}>
                  {shown.map(entry => (
                    <Entry key={entry.sequence} entry={entry} />
                  ))}
                </Table>
              )}
              {last > 1 && !isAll.value && (
                <div>
                  <Button
                    onClick={() =>
                      void attempt(async () => {
                        const query = { before: last, limit: pageRows }
                        const more = await get<AuditEntry[]>('pod/audit', query)
                        isAll.value = more.length === 0
                        older.value = [...known, ...more]
                      })
                    }
                  >
                    Show older
                  </Button>
                </div>
              )}
            </>
          )
        }}
      </Known>
    </Desk>
  )
}

const fits = ({ by, action, subject, detail }: AuditEntry, wanted: string): boolean =>
  `${by.name} ${action} ${subject} ${detail}`.toLowerCase().includes(wanted.trim().toLowerCase())

const Chain = ({ found }: { found: AuditCheck }): JSX.Element =>
  found.brokenAt === null ? (
    <div class="callout good" role="status">
      <Icon name="check" />
      <p>
        The chain holds: {found.entries} entries, each names the one before. Keep its head elsewhere
        to see later that it is this one: <code class="secret">{found.head}</code>
      </p>
    </div>
  ) : (
    <div class="callout bad" role="alert">
      <Icon name="warning" />
      <p>The chain breaks at entry {found.brokenAt}: something was changed or taken out.</p>
    </div>
  )

const Entry = ({ entry: e }: { entry: AuditEntry }): JSX.Element => (
  <tr>
    <td>{e.sequence}</td>
    <td>
      <Time ms={e.atMs} />
    </td>
    <td>
      {e.by.kind === 'operator' ? (
        <Safe text={e.by.name} />
      ) : (
        <span>account {e.by.name.slice(0, 8)}</span>
      )}
    </td>
    <td>{e.action}</td>
    <td class="wide">
      <Safe text={e.subject.length > 40 ? e.subject.slice(0, 16) : e.subject} />
    </td>
    <td class="wide">
      <Safe text={e.detail} />
    </td>
  </tr>
)
