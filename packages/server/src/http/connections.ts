import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export interface Connections {
  /** Ends every connection that serves no request now, and each other one as soon as it is done. */
  endWhenIdle(): void
}

/**
 * Which connections serve a request. Node's `closeIdleConnections` leaves connections alone that have not sent
 * anything yet, which clients open ahead of need; a shutdown would wait for their headers until the timeout.
 */
export function trackConnections(node: Server): Connections {
  const inFlight = new Map<Socket, number>()
  let ending = false
  node.on('connection', (socket) => {
    inFlight.set(socket, 0)
    socket.once('close', () => inFlight.delete(socket))
  })
  node.on('request', ({ socket }, outgoing) => {
    inFlight.set(socket, (inFlight.get(socket) ?? 0) + 1)
    if (ending) outgoing.setHeader('connection', 'close')
    outgoing.once('close', () => {
      const left = (inFlight.get(socket) ?? 1) - 1
      if (!socket.destroyed) inFlight.set(socket, left)
      if (ending && left === 0) socket.end()
    })
  })
  return {
    endWhenIdle() {
      ending = true
      for (const [socket, requests] of inFlight) if (requests === 0) socket.destroy()
    },
  }
}
