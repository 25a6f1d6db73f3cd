import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { ApplicationView } from '../../../pod/office/applications.ts'
import { Button, Empty } from '../../parts/basics.tsx'
import { Safe } from '../../text/safe.tsx'
import { get, part, post } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { mayModerate } from '../data/session.ts'
import { done, press } from '../parts/deed.ts'
import { Desk, Known, Paged, Reason, Time } from '../parts/desk.tsx'

export function Applications(): JSX.Element {
  const all = useLoad(() => get<ApplicationView[]>('pod/requests'))
  return (
    <Desk title="Applications">
      <Known of={all}>
        {requests =>
          requests.length === 0 ? (
            <Empty icon="door" title="Nobody asks for an alias">
              With the policy “approval”, who has no invite waits here for you.
            </Empty>
          ) : (
            <Paged items={requests}>
              {shown => (
                <ul class="desk-list">
                  {shown.map(request => (
                    <Application key={request.account} request={request} />
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

function Application({ request: r }: { request: ApplicationView }): JSX.Element {
  const isAsked = useSignal(false)
  const path = `pod/requests/${part(r.account)}`
  return (
    <li class="desk-item">
      <div class="desk-item-head">
        <Safe text={r.alias} />
        <span class={`chip${r.state === 'refused' ? ' bad' : ''}`}>{r.state}</span>
      </div>
      {r.note && (
        <p class="quote">
          <Safe text={r.note} isMultiline />
        </p>
      )}
      <p class="hint">
        Asked <Time ms={r.atMs} /> {r.network && `from the network ${r.network}`}; key{' '}
        <code>{r.fingerprint}</code>
      </p>
      {r.reason && (
        <p class="hint">
          Said: <Safe text={r.reason} />
        </p>
      )}
      {r.state === 'waiting' && mayModerate() && (
        <div class="buttons">
          <Button
            kind="primary"
            icon="check"
            onClick={() => press(() => post(`${path}/approve`), 'Approved: their node is told.')}
          >
            Approve
          </Button>
          <Button kind="danger" icon="close" onClick={() => (isAsked.value = true)}>
            Refuse
          </Button>
        </div>
      )}
      {isAsked.value && (
        <Reason
          title="Refuse"
          yes="Refuse"
          hint="They are told."
          onYes={({ reason }) => done(() => post(`${path}/refuse`, { reason }), 'Refused.')}
          onClose={() => (isAsked.value = false)}
        >
          They get no alias here now, and may ask again later.
        </Reason>
      )}
    </li>
  )
}
