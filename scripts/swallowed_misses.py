"""Ways to swallow a miss, for `attack.py`.

Each is the body of a function of the code under test, whose parameter is `n`.
"""

from __future__ import annotations

WAYS = {
    "except Exception": """
try:
    fetch(n)
except Exception:
    pass
""",
    "except RuntimeError": """
try:
    fetch(n)
except RuntimeError:
    pass
""",
    "bare except": """
try:
    fetch(n)
except:
    pass
""",
    "except BaseException": """
try:
    fetch(n)
except BaseException:
    pass
""",
    "suppress": """
with contextlib.suppress(Exception):
    fetch(n)
""",
    "ExitStack": """
with contextlib.ExitStack() as s:
    s.push(lambda *e: True)
    fetch(n)
""",
    "an `__exit__` that says True": """
with Quiet():
    fetch(n)
""",
    "a generator's context manager": """
with quiet():
    fetch(n)
""",
    "return in finally": """
def f():
    try:
        fetch(n)
    finally:
        return 1
f()
""",
    "break in finally": """
while True:
    try:
        fetch(n)
    finally:
        break
""",
    "raise another": """
try:
    try:
        fetch(n)
    except Exception as e:
        raise KeyError(1) from e
except KeyError:
    pass
""",
    "raise another from None": """
try:
    try:
        fetch(n)
    except Exception:
        raise KeyError(1) from None
except KeyError:
    pass
""",
    "hasattr of a property": """
class A:
    @property
    def x(self):
        try:
            return fetch(n)
        except RuntimeError as e:
            raise AttributeError('x') from e
hasattr(A(), 'x')
""",
    "getattr with a default": """
class A:
    @property
    def x(self):
        try:
            return fetch(n)
        except RuntimeError:
            raise AttributeError('x')
getattr(A(), 'x', None)
""",
    "`__del__`": """
class A:
    def __del__(self):
        fetch(n)
a = A()
del a
gc.collect()
""",
    "a weak reference's callback": """
class A: pass
a = A()
r = weakref.ref(a, lambda _: fetch(n))
del a
gc.collect()
""",
    "weakref.finalize": """
class A: pass
a = A()
weakref.finalize(a, fetch, n)
del a
gc.collect()
""",
    "a thread": """
t = threading.Thread(target=fetch, args=(n,))
t.start()
t.join()
""",
    "a thread that catches": """
t = threading.Thread(target=caught, args=(n,))
t.start()
t.join()
""",
    "a timer": """
t = threading.Timer(0, fetch, (n,))
t.start()
t.join()
""",
    "a pool, never asked": """
with ThreadPoolExecutor(1) as p:
    p.submit(fetch, n)
""",
    "a pool, asked for the exception": """
with ThreadPoolExecutor(1) as p:
    p.submit(fetch, n).exception()
""",
    "a pool's map, not consumed": """
with ThreadPoolExecutor(1) as p:
    p.map(fetch, [n])
""",
    "a pool's callback": """
with ThreadPoolExecutor(1) as p:
    p.submit(int).add_done_callback(lambda _: fetch(n))
""",
    "a pool of threads of multiprocessing": """
from multiprocessing.pool import ThreadPool
with ThreadPool(1) as p:
    p.apply_async(fetch, (n,)).wait()
""",
    "gather": """
async def f():
    await asyncio.gather(afetch(n), return_exceptions=True)
asyncio.run(f())
""",
    "wait": """
async def f():
    await asyncio.wait([asyncio.create_task(afetch(n))])
asyncio.run(f())
""",
    "a task nobody awaits": """
async def f():
    t = asyncio.create_task(afetch(n))
    await asyncio.sleep(0.01)
    t.exception()
asyncio.run(f())
""",
    "a task's callback": """
async def f():
    asyncio.get_running_loop().call_soon(fetch, n)
    await asyncio.sleep(0)
asyncio.run(f())
""",
    "to_thread": """
async def f():
    await asyncio.gather(asyncio.to_thread(fetch, n), return_exceptions=True)
asyncio.run(f())
""",
    "wait_for": """
async def f():
    try:
        await asyncio.wait_for(afetch(n), 1)
    except Exception:
        pass
asyncio.run(f())
""",
    "shield": """
async def f():
    try:
        await asyncio.shield(afetch(n))
    except Exception:
        pass
asyncio.run(f())
""",
    "a loop's handler of exceptions": """
async def f():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.call_soon(fetch, n)
    await asyncio.sleep(0.01)
asyncio.run(f())
""",
    "a generator": """
def g():
    try:
        yield fetch(n)
    except Exception:
        yield 0
list(g())
""",
    "an async generator": """
async def g():
    try:
        yield await afetch(n)
    except Exception:
        yield 0
async def f():
    return [x async for x in g()]
asyncio.run(f())
""",
    "a stream": """
try:
    list(stream(n))
except Exception:
    pass
""",
    "a retry": """
for _ in range(3):
    try:
        fetch(n)
        break
    except Exception:
        continue
""",
    "a default of a dict": """
class D(dict):
    def __missing__(self, key):
        return fetch(key)
try:
    D()[n]
except Exception:
    pass
""",
    "a key of sorted": """
try:
    sorted([n], key=fetch)
except Exception:
    pass
""",
    "a logging handler": """
class H(logging.Handler):
    def emit(self, record):
        try:
            fetch(n)
        except Exception:
            self.handleError(record)
log = logging.Logger('x')
log.addHandler(H())
log.error('x')
""",
    "a queue's worker": """
q = queue.Queue()
def work():
    while (one := q.get()) is not None:
        try:
            fetch(one)
        except Exception:
            pass
t = threading.Thread(target=work)
t.start()
q.put(n)
q.put(None)
t.join()
""",
    "except*": """
try:
    try:
        fetch(n)
    except Exception as e:
        raise ExceptionGroup('g', [e])
except* Exception:
    pass
""",
    "a forked child": """
pid = os.fork()
if not pid:
    try:
        fetch(n)
    finally:
        os._exit(0)
os.waitpid(pid, 0)
""",
    "a process of multiprocessing": """
import multiprocessing
p = multiprocessing.get_context('fork').Process(target=caught, args=(n,))
p.start()
p.join()
""",
    "the error kept, not raised": """
try:
    fetch(n)
except Exception as e:
    KEPT.append(e)
""",
    "warnings instead": """
import warnings
try:
    fetch(n)
except Exception as e:
    warnings.warn(str(e))
""",
    "a callback of ctypes": """
import ctypes
ctypes.CFUNCTYPE(None)(lambda: fetch(n))()
""",
    "a signal's handler": """
import signal
old = signal.signal(signal.SIGUSR1, lambda *_: caught(n))
os.kill(os.getpid(), signal.SIGUSR1)
signal.signal(signal.SIGUSR1, old)
""",
    "a partial in a pool": """
from functools import partial
with ThreadPoolExecutor(1) as p:
    p.submit(partial(fetch, n)).exception()
""",
    "an error of unittest": """
import unittest
with unittest.TestCase().assertRaises(Exception):
    fetch(n)
""",
}
