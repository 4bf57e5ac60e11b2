"""The orders."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, status
from fastapi.sse import ServerSentEvent
from sqlalchemy import update

from bookshop.broker import EventBroker
from bookshop.database import Database
from bookshop.dependencies import BrokerDep, DatabaseDep, OrderDep, SessionDep, find
from bookshop.errors import OutOfStock
from bookshop.models import Book, Order, OrderLine, OrderStatus
from bookshop.schemas import OrderCreate, OrderRead, Problem, Shipping

router = APIRouter(prefix="/orders", tags=["orders"])

SHIPPING_BASE_CENTS = 290
SHIPPING_CENTS_PER_KILOGRAM = 120


@router.get("/shipping", response_model=Shipping)
def quote_shipping(grams: Annotated[int, Query(ge=1, le=30_000)]) -> dict[str, int]:
    """The price of a parcel.

    A `def` endpoint: the server runs it in a worker thread, where code that blocks, such as a
    carrier's client library, keeps nobody else waiting.
    """
    kilograms = -(-grams // 1000)
    return {"price_cents": SHIPPING_BASE_CENTS + kilograms * SHIPPING_CENTS_PER_KILOGRAM}


@router.post(
    "",
    response_model=OrderRead,
    status_code=status.HTTP_201_CREATED,
    responses={404: {"model": Problem}, 409: {"model": Problem}},
)
async def place_order(
    order: OrderCreate,
    session: SessionDep,
    database: DatabaseDep,
    broker: BrokerDep,
    background: BackgroundTasks,
) -> Order:
    """Takes the books from the shelf and confirms the order after the response.

    A line that cannot be served raises, and the session's rollback puts the books of the earlier
    lines back.
    """
    row = Order(customer=order.customer, lines=[])
    # Always in the same sequence, so that two orders never wait for each other's rows.
    for line in sorted(order.lines, key=lambda line: line.book_id):
        book = await find(session, Book, line.book_id)
        # Compared and taken in one statement: two customers cannot buy the same last copy.
        price = await session.scalar(
            update(Book)
            .where(Book.id == book.id, Book.stock >= line.quantity)
            .values(stock=Book.stock - line.quantity)
            .returning(Book.price_cents)
            .execution_options(synchronize_session=False)
        )
        if price is None:  # no row matched
            raise OutOfStock(f"fewer than {line.quantity} copies of {book.title} are left")
        row.lines.append(OrderLine(book_id=book.id, quantity=line.quantity, unit_price_cents=price))
    session.add(row)
    await session.flush()
    background.add_task(confirm_order, database, broker, row.id)
    return row


@router.get("/{order_id}", response_model=OrderRead, responses={404: {"model": Problem}})
async def show_order(order: OrderDep) -> Order:
    """One order."""
    return order


async def confirm_order(database: Database, broker: EventBroker, order_id: int) -> None:
    """Confirms an order and tells every open event stream.

    It runs after the response, when the request's session is closed: it needs its own.
    """
    async with database.sessions.begin() as session:
        order = await find(session, Order, order_id)
        order.status = OrderStatus.CONFIRMED
    broker.publish(ServerSentEvent(event="order.confirmed", data={"order_id": order_id}))
