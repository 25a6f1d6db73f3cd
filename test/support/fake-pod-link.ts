import { toHex } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { openPodLink } from '../../src/client/pod-link.ts'
import type { FakePod } from './fake-pod.ts'

/** `openPodLink` over fake pods. */
export const openFakeLink =
  (pods: Map<string, FakePod>): typeof openPodLink =>
  async ({ hostname, pinned, carried }) => {
    const pod = pods.get(hostname)!
    const link = await pod.link()
    if (pinned && pinned.fingerprint !== link.pod.certificate.fingerprint)
      throw new MuttrError('POD_CHANGED', `${hostname} shows another key`)
    const listen: typeof link.listen = (onNotices, ...rest) =>
      link.listen(
        async (notices, how) => {
          const blobs = notices.flatMap(({ key }) => pod.along(toHex(key)) ?? [])
          if (carried && carried.wantedBytes > 0)
            carried.keep(blobs, notices, link.pod.contact.peer)
          await onNotices(notices, how)
        },
        ...rest
      )
    return { ...link, listen }
  }
