// Transport over a message port: the page's MessagePort, or Electron's MessagePortMain in shell and utility processes.
import type { Transport } from './transport.ts';

/** What both kinds of port have in common with the DOM's. */
export interface WebPort {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'close', listener: () => void): void;
  start(): void;
  close(): void;
}

/** Electron's MessagePortMain. */
export interface MainPort {
  postMessage(message: unknown): void;
  on(type: 'message', listener: (event: { data: unknown }) => void): unknown;
  on(type: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

export function webPortTransport(port: WebPort): Transport {
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.addEventListener('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => port.addEventListener('close', () => listener('the port was closed')),
    close: () => port.close(),
  };
}

export function mainPortTransport(port: MainPort): Transport {
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.on('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => void port.on('close', () => listener('the port was closed')),
    close: () => port.close(),
  };
}
