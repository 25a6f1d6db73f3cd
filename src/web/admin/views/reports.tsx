import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { ReportView } from '../../../pod/office/reports.ts'
import { Button, Empty } from '../../parts/basics.tsx'
import { href } from '../../route.ts'
import { Safe } from '../../text/safe.tsx'
import { get, part, post } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { mayModerate } from '../data/session.ts'
import { done } from '../parts/deed.ts'
import { Desk, Known, Paged, Reason, Time } from '../parts/desk.tsx'

export function Reports(): JSX.Element {
  const all = useLoad(() => get<ReportView[]>('pod/reports'))
  return (
    <Desk title="Reports">
      <p class="lead">What people told about aliases of this pod. Nothing of it is proved.</p>
      <Known of={all}>
        {reports =>
          reports.length === 0 ? (
            <Empty icon="warning" title="Nobody told anything" />
          ) : (
            <Paged items={reports}>
              {shown => (
                <ul class="desk-list">
                  {shown.map(report => (
                    <Report key={report.id} report={report} />
                  ))}
                </ul>
              )}
            </Paged>
          )
        }
      </Known>
    </Desk>
  )
}

function Report({ report: r }: { report: ReportView }): JSX.Element {
  const isAsked = useSignal(false)
  return (
    <li class="desk-item">
      <div class="desk-item-head">
        <Safe text={r.alias} />
        <span class="chip bad">{r.kind}</span>
        {!r.isOpen && <span class="chip">closed</span>}
      </div>
      {r.text && (
        <p class="quote">
          <Safe text={r.text} isMultiline />
        </p>
      )}
      <p class="hint">
        <Time ms={r.atMs} />, by{' '}
        {r.account ? (
          <a href={href('people', r.account)}>account {r.account.slice(0, 8)}</a>
        ) : (
          `somebody in the network ${r.network ?? 'that is not known'}`
        )}
        {r.letter && (
          <>
            ; letter <code>{r.letter.slice(0, 16)}</code>
          </>
        )}
      </p>
      {r.answer && (
        <p class="hint">
          Done: <Safe text={r.answer} />
        </p>
      )}
      <div class="buttons">
        <a class="button" href={href('people', r.alias)}>
          Look at the account
        </a>
        {r.isOpen && mayModerate() && (
          <Button icon="check" onClick={() => (isAsked.value = true)}>
            Close
          </Button>
        )}
      </div>
      {isAsked.value && (
        <Reason
          title="Close the report"
          yes="Close it"
          hint="What was done; only operators see it."
          onYes={({ reason }) =>
            done(() => post(`pod/reports/${part(r.id)}/close`, { reason }), 'Closed.')
          }
          onClose={() => (isAsked.value = false)}
        >
          It was dealt with. It stays listed for a while, and cannot be opened again.
        </Reason>
      )}
    </li>
  )
}
