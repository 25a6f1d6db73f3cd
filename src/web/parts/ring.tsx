import type { JSX } from 'preact'
import type { NetworkView } from '../../api/house.ts'
import { count } from '../text/format.ts'

const box = 400
const middle = box / 2
const radius = 158

/** A place as a point: our own is at the top. */
function point(at: number, self: number, r = radius): { x: number; y: number } {
  const angle = (at - self - 0.25) * 2 * Math.PI
  return { x: middle + r * Math.cos(angle), y: middle + r * Math.sin(angle) }
}

const speed = (roundTripMs: number | null): string =>
  roundTripMs === null ? '' : roundTripMs < 60 ? ' quick' : roundTripMs < 250 ? ' usual' : ' slow'

/** The ring of places with this node at the top, whom it knows, and whom it is connected to. */
export function Ring({ view }: { view: NetworkView }): JSX.Element {
  const { self, peers, replicas } = view
  const near = new Set(peers.slice(0, replicas).map(({ peer }) => peer))
  const home = point(self.at, self.at)
  const connected = peers.filter(peer => peer.connected)
  return (
    <svg
      class="ring"
      viewBox={`0 0 ${box} ${box}`}
      role="img"
      aria-label={`Your node on the ring, with ${count(peers.length, 'known node')}, ${connected.length} of them connected`}
    >
      <circle class="ring-line" cx={middle} cy={middle} r={radius} />
      {[0, 0.25, 0.5, 0.75].map(quarter => {
        const a = point(quarter, 0, radius - 5)
        const b = point(quarter, 0, radius + 5)
        return <line class="ring-tick" x1={a.x} y1={a.y} x2={b.x} y2={b.y} />
      })}
      {connected.map(peer => {
        const to = point(peer.at, self.at)
        return (
          <path
            class={`ring-chord${near.has(peer.peer) ? ' near' : ''}`}
            d={`M${home.x} ${home.y} Q${middle} ${middle} ${to.x} ${to.y}`}
          />
        )
      })}
      {peers.map(peer => {
        const { x, y } = point(peer.at, self.at)
        return (
          <circle
            class={`ring-peer${peer.connected ? ' connected' : ''}${near.has(peer.peer) ? ' near' : ''}${speed(peer.roundTripMs)}`}
            cx={x}
            cy={y}
            r={near.has(peer.peer) ? 7 : 5}
          >
            <title>
              …{peer.peer.slice(-8)}
              {peer.connected
                ? `, connected${peer.roundTripMs === null ? '' : `, ${Math.round(peer.roundTripMs)} ms`}`
                : ', known'}
            </title>
          </circle>
        )
      })}
      <circle class="ring-halo" cx={home.x} cy={home.y} r="17" />
      <circle class="ring-self" cx={home.x} cy={home.y} r="10" />
      <text class="ring-you" x={home.x} y={home.y - 25} text-anchor="middle">
        You
      </text>
      <circle class="ring-middle" cx={middle} cy={middle} r="62" />
      <text class="ring-number" x={middle} y={middle + 4} text-anchor="middle">
        {connected.length}
      </text>
      <text class="ring-word" x={middle} y={middle + 28} text-anchor="middle">
        {connected.length === 1 ? 'neighbour' : 'neighbours'}
      </text>
    </svg>
  )
}
